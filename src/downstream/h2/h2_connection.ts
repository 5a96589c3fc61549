/**
 * One connection of a client that speaks HTTP/2: its frames, and the streams that they are about.
 *
 * It is our own, as the HTTP/1.1 server is: what `node:http2` is built on can be made to end the process by what a
 * client sends, and what `Deno.serve` is built on has neither time-outs nor limits to set.
 *
 * @module
 */
import { getLogger } from "@std/log";
import type { Endpoints } from "../../http/endpoint.ts";
import { messageOf, ProxyError } from "../../http/errors.ts";
import type { HeaderBlock } from "../../http/hpack/decoder.ts";
import * as http2 from "../../http/http2_frames.ts";
import type { ClientSocket } from "../tcp/client_socket.ts";
import type { TcpLimits } from "../tcp/limits.ts";
import type { Server } from "../tcp/server.ts";
import { Rate } from "../tcp/rate.ts";
import { Allowance } from "./allowance.ts";
import { type FrameHandler, FrameReader } from "./frame_reader.ts";
import { sendOn } from "./h2_answer.ts";
import { broken, H2Error } from "./h2_error.ts";
import { trailerFields } from "./h2_fields.ts";
import { H2Request } from "./h2_request.ts";
import { H2Stream, STREAM_WINDOW, type StreamOwner } from "./h2_stream.ts";
import { Output } from "./output.ts";

/** What a client may send on all streams before it is asked for more, in bytes. */
const CONNECTION_WINDOW = 1024 * 1024;
/** Answers to the client's own frames that it does not read, in bytes; more of them are not waited for. */
const MAX_WAITING = 256 * 1024;
/** A frame of DATA that holds as much speaks for a client, in bytes; one byte by itself is hardly better than none. */
const USEFUL = 64;
/** A connection that ends is still read for so long, and an acknowledgement waited for, in milliseconds. */
const LAST_READ = 1_000;

/** The connection under HTTP/2. */
export interface H2Client extends ClientSocket {
  /** The client's address, without port. */
  readonly clientAddress: string;
  /** `http` or `https`. */
  readonly scheme: string;
  /** When it became idle; Infinity while it is not. */
  idleSince: number;
  /** Both ends. */
  endpoints(): Endpoints;
}

/** A client's connection from its preface on. */
export class H2Connection implements StreamOwner, FrameHandler {
  readonly limits: TcpLimits;
  readonly output: Output;
  readonly #client: H2Client;
  readonly #server: Server;
  readonly #reader: FrameReader;
  readonly #streams = new Map<number, H2Stream>();
  /** Requests that are not answered yet, those whose stream was reset among them. */
  #running = 0;
  #lastStream = 0;
  #served = 0;
  #initialWindow = http2.DEFAULT_WINDOW;
  #receiveWindow = CONNECTION_WINDOW;
  #taken = 0;
  #discarded = 0;
  readonly #windowRate = new Rate();
  #isWindowAwaited = false;
  /** What a client may do that is of no use: a flood of it costs as much as requests, which are counted. */
  readonly #idle = new Allowance(1_000, 20);
  /** Streams that end before their answer: they cost the upstream as much as others. */
  readonly #resets = new Allowance(200, 20);
  #isDraining = false;
  /** When no stream is taken any more, after the word that the connection ends. */
  #lastCall = Infinity;
  /** Whether the last GOAWAY was sent: what the client opens now is not looked at. */
  #isClosing = false;
  /** Whether all was said, and the client's end is waited for. */
  #isShut = false;
  #phase: "head" | "idle" | "busy" = "head";
  #idleSince: number;

  /** Takes the connection over. */
  constructor(client: H2Client, server: Server) {
    this.#client = client;
    this.#server = server;
    this.limits = server.limits;
    this.#reader = new FrameReader(this, server.limits);
    this.#idleSince = client.now;
    this.output = new Output((bytes) => client.write(bytes), (error) => {
      this.end(new ProxyError("client_gone", `The client went away: ${messageOf(error)}`));
      client.close();
    });
  }

  get clientAddress(): string {
    return this.#client.clientAddress;
  }

  get scheme(): string {
    return this.#client.scheme;
  }

  get now(): number {
    return this.#client.now;
  }

  /** Whether any stream brings a body. */
  get isUploading(): boolean {
    for (const stream of this.#streams.values()) if (!stream.isComplete) return true;
    return false;
  }

  endpoints(): Endpoints {
    return this.#client.endpoints();
  }

  /** Answers requests until the connection ends. */
  async serve(): Promise<void> {
    const client = this.#client;
    const { maxStreams, maxHead } = this.limits;
    client.onLate = () => this.#late();
    client.idleSince = Infinity;
    client.closeAfter(this.limits.headTimeout);
    this.output.send(http2.settingsFrame(
      ...[http2.SETTING.MAX_CONCURRENT_STREAMS, Math.min(maxStreams, http2.MAX_31_BIT)],
      ...[http2.SETTING.INITIAL_WINDOW_SIZE, STREAM_WINDOW],
      ...[http2.SETTING.MAX_HEADER_LIST_SIZE, maxHead],
    ));
    const more = CONNECTION_WINDOW - http2.DEFAULT_WINDOW;
    this.output.send(http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 0, more));
    for (;;) {
      this.#takeFrames();
      this.#schedule();
      const before = client.end - client.start;
      if (this.#reader.need > client.buffer.length || this.isUploading) await client.fillBody();
      else await client.more();
      if (client.end - client.start === before) break;
    }
    this.end(new ProxyError("client_gone", "The client went away"));
    await this.output.flushed();
  }

  /** Nothing goes either way any more. */
  end(error: ProxyError): void {
    for (const stream of [...this.#streams.values()]) stream.abandon(error);
    this.output.close(error);
  }

  /** Ends it when the requests under way are answered. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    if (this.#streams.size === 0) return this.#shut(http2.CODE.NO_ERROR);
    // Requests that are on their way here are still answered: the client is asked whether it has heard.
    this.output.send(http2.numbersFrame(http2.FRAME.GOAWAY, 0, http2.MAX_31_BIT, http2.CODE.NO_ERROR));
    this.output.send(http2.frame(http2.FRAME.PING, 0, 0, new Uint8Array(8)));
    this.#lastCall = this.now + LAST_READ;
  }

  /** Looks at the deadlines of its streams. */
  tick(now: number): void {
    for (const stream of this.#streams.values()) stream.tick(now);
    if (now >= this.#lastCall) this.#close(http2.CODE.NO_ERROR);
    if (!this.output.isBlocked) return;
    if (!this.#isWindowAwaited) this.#windowRate.begin(now);
    this.#isWindowAwaited = true;
    if (!this.#windowRate.isBelow(this.limits.minRate, now)) return;
    this.end(new ProxyError("client_timeout", "The client took the responses too slowly"));
    this.#client.close();
  }

  taken(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < CONNECTION_WINDOW / 2) return;
    this.output.send(http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 0, this.#taken));
    this.#receiveWindow += this.#taken;
    this.#taken = 0;
  }

  sent(): void {
    this.#idle.earn(2);
  }

  closed(stream: H2Stream): void {
    this.#streams.delete(stream.id);
    if (this.#streams.size > 0) return;
    this.#idleSince = this.now;
    if (this.#isDraining) this.#shut(http2.CODE.NO_ERROR);
    else this.#schedule();
  }

  /** Says why the connection ends, and waits a little for the client to end it. */
  #shut(code: number): void {
    if (this.#isShut) return;
    this.#close(code);
    this.#isShut = true;
    const client = this.#client;
    // A client that breaks the rules has not deserved more time; others get that of a write for what is still to be sent.
    client.closeAfter(code === http2.CODE.NO_ERROR ? Infinity : LAST_READ);
    this.output.flushed().then(() => {
      client.closeAfter(LAST_READ);
      return client.closeWrite();
    }).catch(() => {});
  }

  #close(code: number): void {
    this.#lastCall = Infinity;
    if (this.#isClosing && code === http2.CODE.NO_ERROR) return;
    this.#isClosing = this.#isDraining = true;
    this.output.send(http2.numbersFrame(http2.FRAME.GOAWAY, 0, this.#lastStream, code));
  }

  #late(): void {
    if (this.#isShut) return this.#client.close();
    const error = new ProxyError("client_timeout", `No whole frame within ${this.limits.headTimeout} ms`);
    for (const stream of [...this.#streams.values()]) stream.abandon(error);
    this.#shut(http2.CODE.NO_ERROR);
  }

  /** Sets the deadline of whatever is waited for. */
  #schedule(): void {
    if (this.#isShut) return;
    const client = this.#client;
    const { headTimeout, idleTimeout } = this.limits;
    const isAmidHead = this.#reader.isAmidHead(client);
    const phase = isAmidHead ? "head" : this.#streams.size === 0 ? "idle" : "busy";
    if (phase === this.#phase) return;
    this.#phase = phase;
    client.idleSince = phase === "idle" ? this.#idleSince : Infinity;
    if (phase === "head") client.closeAfter(headTimeout);
    else if (phase === "busy") client.closeAfter(Infinity);
    else {
      client.closeAfter(idleTimeout - (client.now - this.#idleSince));
      this.#server.idle();
    }
  }

  /** Handles all that is here. */
  #takeFrames(): void {
    const client = this.#client;
    try {
      while (!this.#isShut && this.#reader.take(client));
    } catch (error) {
      this.#fail(error);
    }
    if (this.#isShut) client.start = client.end;
  }

  #fail(error: unknown): void {
    if (!(error instanceof H2Error)) throw error;
    getLogger("postern").debug(`HTTP/2 with ${this.clientAddress}: ${error.message}`);
    const gone = new ProxyError("bad_request", `The client broke HTTP/2: ${error.message}`);
    for (const stream of [...this.#streams.values()]) stream.abandon(gone);
    this.#shut(error.code);
  }

  onData(id: number, data: Uint8Array, padding: number, isLast: boolean): void {
    const stream = this.#known(id, "DATA");
    const length = data.length + padding;
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) {
      throw new H2Error(http2.CODE.FLOW_CONTROL_ERROR, "it sends more than it may");
    }
    if (stream === undefined || stream.isComplete) {
      this.taken(length);
      this.#discarded += length;
      this.onIdle();
      if (this.#discarded > this.limits.maxDiscard) {
        throw new H2Error(http2.CODE.ENHANCE_YOUR_CALM, "it goes on with bodies that are not wanted");
      }
      if (stream !== undefined) this.#reset(stream, http2.CODE.STREAM_CLOSED, "it sends data behind its end");
      return;
    }
    if (data.length === 0) this.onIdle();
    else if (data.length >= USEFUL) this.#idle.earn(2);
    if (!stream.receive(data, padding)) {
      return this.#reset(stream, http2.CODE.FLOW_CONTROL_ERROR, "it sends more than it may");
    }
    if (isLast && !stream.isOver) stream.complete();
  }

  onFields(id: number, { lines, isTooLarge }: HeaderBlock, isLast: boolean): void {
    if (id % 2 === 0) throw broken("HEADERS is for a stream that is not a client's");
    const stream = this.#streams.get(id);
    if (stream !== undefined) return this.#takeTrailers(stream, isLast, lines, isTooLarge);
    // Those of a stream that is closed, or that nobody will answer.
    if (id <= this.#lastStream || this.#isClosing) return this.onIdle();
    this.#lastStream = id;
    const { maxStreams, maxHead, maxFields } = this.limits;
    if (this.#streams.size >= maxStreams || this.#running >= 2 * maxStreams) {
      this.countReset();
      return this.#reply(http2.numbersFrame(http2.FRAME.RST_STREAM, id, http2.CODE.REFUSED_STREAM));
    }
    const what = `Refused request: its head is over ${maxHead} bytes or ${maxFields} fields`;
    this.#open(id, isLast, lines, isTooLarge ? new ProxyError("head_too_large", what) : undefined);
  }

  #open(id: number, isLast: boolean, lines: readonly string[], tooLarge: ProxyError | undefined): void {
    const stream = new H2Stream(this, id, this.#initialWindow, isLast);
    this.#streams.set(id, stream);
    const request = new H2Request(stream, lines, { tooLarge, maxRequestLine: this.limits.maxRequestLine });
    stream.length = request.bodyLength ?? undefined;
    stream.waitsForContinue = request.expectsContinue;
    this.#idle.earn(2);
    this.#discarded = 0;
    this.#running++;
    this.#server.handler(request)
      .then((answer) => sendOn(stream, this.output, request.method, answer))
      .catch((error) => getLogger("postern").error(`stream of ${this.clientAddress}: ${messageOf(error)}`))
      .finally(() => this.#running--);
    if (++this.#served >= this.limits.maxRequests) this.drain();
  }

  #takeTrailers(stream: H2Stream, isLast: boolean, lines: readonly string[], isTooLarge: boolean): void {
    if (stream.isComplete) {
      return this.#reset(stream, http2.CODE.STREAM_CLOSED, "it sends fields behind its end");
    }
    const trailers = trailerFields(lines);
    if (isLast && !isTooLarge && !(trailers instanceof ProxyError)) return stream.complete(trailers);
    this.#reset(stream, http2.CODE.PROTOCOL_ERROR, "its trailer fields are malformed, or not its end");
  }

  onReset(id: number): void {
    const stream = this.#known(id, "RST_STREAM");
    if (stream === undefined) return this.onIdle();
    stream.abandon(new ProxyError("client_gone", "The client reset the stream"));
    this.countReset();
  }

  onInitialWindow(bytes: number): void {
    if (bytes > http2.MAX_31_BIT) throw new H2Error(http2.CODE.FLOW_CONTROL_ERROR, "a window is too large");
    const change = bytes - this.#initialWindow;
    this.#initialWindow = bytes;
    for (const stream of this.#streams.values()) {
      if (!stream.widen(change)) throw new H2Error(http2.CODE.FLOW_CONTROL_ERROR, "a window is too large");
    }
  }

  onSettings(): void {
    this.#reply(http2.frame(http2.FRAME.SETTINGS, http2.FLAG.ACK, 0, new Uint8Array()));
  }

  onPing(payload: Uint8Array, isAnswer: boolean): void {
    if (isAnswer && this.#lastCall !== Infinity) return this.#close(http2.CODE.NO_ERROR);
    this.onIdle();
    if (!isAnswer) this.#reply(http2.frame(http2.FRAME.PING, http2.FLAG.ACK, 0, payload));
  }

  onGoAway(): void {
    this.drain();
  }

  onWindow(id: number, bytes: number): void {
    this.onIdle();
    if (id === 0) {
      if (bytes === 0) throw broken("WINDOW_UPDATE is for nothing");
      if (this.#isWindowAwaited) this.#windowRate.end(this.now, bytes, this.limits.minRate);
      this.#isWindowAwaited = false;
      if (!this.output.widen(bytes)) {
        throw new H2Error(http2.CODE.FLOW_CONTROL_ERROR, "the window is too large");
      }
      return;
    }
    const stream = this.#known(id, "WINDOW_UPDATE");
    if (stream === undefined) return;
    if (bytes === 0) this.#reset(stream, http2.CODE.PROTOCOL_ERROR, "WINDOW_UPDATE is for nothing");
    else if (!stream.widen(bytes)) {
      this.#reset(stream, http2.CODE.FLOW_CONTROL_ERROR, "its window is too large");
    }
  }

  onIdle(): void {
    if (!this.#idle.spend(this.now)) {
      throw new H2Error(http2.CODE.ENHANCE_YOUR_CALM, "it sends a flood of frames");
    }
  }

  /** The stream of a frame that is for one; undefined when it is closed. */
  #known(id: number, frame: string): H2Stream | undefined {
    // Those above the last were opened after the word that none is taken.
    if (id % 2 === 0 || id > this.#lastStream && !this.#isClosing) {
      throw broken(`${frame} is for a stream that is not open`);
    }
    return this.#streams.get(id);
  }

  #reset(stream: H2Stream, code: number, what: string): void {
    this.countReset();
    stream.reset(code, new ProxyError("bad_request", `Refused request: ${what}`));
  }

  #reply(frame: Uint8Array): void {
    if (this.output.waiting > MAX_WAITING) {
      throw new H2Error(http2.CODE.ENHANCE_YOUR_CALM, "it does not read what it asks for");
    }
    this.output.send(frame);
  }

  countReset(): void {
    if (!this.#resets.spend(this.now)) {
      throw new H2Error(http2.CODE.ENHANCE_YOUR_CALM, "it resets too many streams");
    }
  }
}
