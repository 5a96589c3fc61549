/**
 * One connection of a client to the own server: its requests, one after the other, or HTTP/2.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { byteString, CR, LF } from "../../http/bytes.ts";
import { endpointOf, type Endpoints, plainAddress } from "../../http/endpoint.ts";
import { messageOf, ProxyError } from "../../http/errors.ts";
import type { HeaderList } from "../../http/headers.ts";
import { PREFACE } from "../../http/http2_frames.ts";
import { formatAddress } from "../../upstream/address.ts";
import { type FrontResponse, giveUp } from "../front.ts";
import { H2Connection } from "../h2/h2_connection.ts";
import { writeAnswerHead } from "./answer_head.ts";
import { giveBuffer } from "./buffers.ts";
import { ClientSocket } from "./client_socket.ts";
import { HeadParser } from "./head_parser.ts";
import { introduced } from "./introduction.ts";
import { linger } from "./linger.ts";
import { sendAnswer } from "./send_answer.ts";
import type { Server } from "./server.ts";
import { type Client, TcpRequest } from "./tcp_request.ts";
import { joinTunnel } from "./tunnel.ts";

/** The rest of a body that is read for the connection's sake after an early answer, in bytes. */
const WORTH_READING = 64 * 1024;
/** What a connection that ends is still read for when the listener stops, in milliseconds. */
const LAST_READ = 1_000;
/** How long the first request of a new connection is waited for when the listener stops, in milliseconds. */
const FIRST_READ = 500;
/** What a client that speaks HTTP/2 begins with. */
const LINE = PREFACE.slice(0, PREFACE.indexOf("\n") + 1);

/** A client's connection, from the first byte to the last. */
export class ClientConnection extends ClientSocket implements Client {
  /** The client's address, without port. */
  clientAddress: string;
  /** When it became idle, on the watchdog's clock; Infinity while it is not. */
  idleSince: number;
  /** When the first byte of a head came that is not whole yet, on that clock; Infinity otherwise. */
  headSince = Infinity;
  /** Whether it counts among those of its client's address. */
  isCounted = false;
  readonly #server: Server;
  readonly #parser: HeadParser;
  #endpoints: Endpoints | undefined = undefined;
  #request: TcpRequest | undefined = undefined;
  #onGone: ((error: ProxyError) => void) | undefined = undefined;
  #gone: ProxyError | undefined = undefined;
  #isGivenUp = false;
  #informing: Promise<void> | undefined = undefined;
  #wasInformed = false;
  #served = 0;
  readonly #openedAt: number;
  #isBrokenOff = false;
  /** Whether all that is left is to read on for a while. */
  #isEnding = false;
  #isHttp2 = false;
  #http2: H2Connection | undefined = undefined;

  /** Takes the socket over. */
  constructor(socket: Deno.Conn, server: Server) {
    super(socket, server.limits, server.watchdog);
    this.#server = server;
    this.#parser = new HeadParser(server.limits);
    this.idleSince = this.#openedAt = this.now;
    const { remoteAddr } = socket;
    this.clientAddress = remoteAddr.transport === "tcp" ? plainAddress(remoteAddr.hostname) : "unix";
  }

  /** Since when it is without a request that could be answered; Infinity while it has one. */
  get waitingSince(): number {
    return Math.min(this.idleSince, this.headSince);
  }

  /** `http` or `https`. */
  get scheme(): string {
    return this.#server.scheme;
  }

  /** What stands for a Host that an HTTP/1.0 request does not name. */
  get host(): string {
    const { localAddr } = this.socket;
    return localAddr.transport === "tcp" ? formatAddress({ ...localAddr, transport: "tcp" }) : "localhost";
  }

  /** Both ends. */
  endpoints(): Endpoints {
    const { remoteAddr, localAddr } = this.socket;
    return this.#endpoints ??= { source: endpointOf(remoteAddr), destination: endpointOf(localAddr) };
  }

  /** Answers requests until the connection ends. Never rejects. */
  async serve(): Promise<void> {
    try {
      if (await this.#begin()) {
        if (!this.#isHttp2) { while (await this.#next()); }
        if (this.#isHttp2) await (this.#http2 = new H2Connection(this, this.#server)).serve();
        // With TLS, the end has to be said: else an answer that ends with the connection looks cut off.
        if (this.scheme === "https" && !this.isOver && !this.#isBrokenOff) await linger(this, undefined, 0);
      }
    } catch (error) {
      getLogger("postern").error(`connection of ${this.clientAddress}: ${messageOf(error)}`);
    }
    this.close();
  }

  /** Ends it as soon as it is between two requests. */
  drain(): void {
    if (this.#http2 !== undefined) return this.#http2.drain();
    if (this.#isEnding) this.closeAfter(LAST_READ);
    else if (this.#isNew()) this.closeAfter(FIRST_READ);
    else if (this.idleSince !== Infinity) this.close();
  }

  /** Whether its first request may be on its way: who has just connected does not know yet that the listener stops. */
  #isNew(): boolean {
    return this.#served === 0 && this.idleSince !== Infinity && this.now - this.#openedAt < FIRST_READ;
  }

  override close(): void {
    if (this.closed) return;
    super.close();
    this.idleSince = this.headSince = Infinity;
    this.#server.closed(this);
    const gone = new ProxyError("client_gone", "The connection was closed");
    this.#http2?.end(gone);
    this.#leave(gone);
  }

  override tick(now: number): void {
    super.tick(now);
    this.#http2?.tick(now);
    const content = this.#request?.content;
    if (content === undefined || this.closed) return;
    const { minRate } = this.limits;
    // A client that waits for the upstream's word is not slow.
    const waits = this.#request!.expectsContinue && !this.#wasInformed && !content.hasBegun;
    if (!waits && content.rate.isBelow(minRate, now)) {
      this.#leave(
        new ProxyError("client_timeout", `The client sent fewer than ${minRate} bytes/s of its body`),
      );
    }
    this.watch();
  }

  /** Calls back, once, when the client goes away or is given up. */
  onGone(callback: (error: ProxyError) => void): void {
    this.#onGone = callback;
    if (this.#gone !== undefined) this.#tell(this.#gone);
  }

  /** Sends an interim response. */
  readonly inform = (status: number, reason: string, headers: HeaderList): void => {
    const answer = { status, reason, headers, body: null, onSent: undefined };
    const { buffer, length } = writeAnswerHead(answer, { framing: "close", connection: "" });
    const bytes = buffer.slice(0, length);
    giveBuffer(buffer);
    if (status === 100) {
      this.#wasInformed = true;
      this.#request?.content?.rate.restart(this.now);
    }
    const before = this.#informing ?? Promise.resolve();
    this.#informing = before.then(() => this.write(bytes)).catch(() => {});
  };

  protected override get isUploading(): boolean {
    return this.#request?.content?.ended === false || this.#http2?.isUploading === true;
  }

  protected override hungUp(): void {
    this.#http2?.end(new ProxyError("client_gone", "The client went away"));
    if (this.#request !== undefined) this.#leave(new ProxyError("client_gone", "The client went away"));
  }

  protected override tooSlow(error: ProxyError): void {
    this.#http2?.end(error);
    this.#leave(error);
  }

  #leave(error: ProxyError): void {
    if (this.#gone !== undefined) return;
    this.#gone = error;
    this.#tell(error);
  }

  #tell(error: ProxyError): void {
    if (this.#onGone === undefined) return;
    this.#isGivenUp = true;
    this.#onGone(error);
    this.#onGone = undefined;
  }

  /** What comes before the first request: a PROXY protocol header, a TLS handshake. Whether there may be one. */
  async #begin(): Promise<boolean> {
    const { socket } = this;
    this.closeAfter(this.limits.headTimeout);
    if (socket.remoteAddr.transport === "tcp") (socket as Deno.TcpConn).setNoDelay(true);
    if (this.#server.speaksForClients(this.clientAddress)) {
      const header = await introduced(this, this.clientAddress);
      if (header === undefined) return false;
      if (header.source !== undefined) {
        this.#endpoints = header;
        this.clientAddress = header.source.hostname;
      }
    }
    // It may have been closed meanwhile, and who is admitted then would be counted for ever.
    if (this.closed || !this.#server.admit(this)) return false;
    const { certificates } = this.#server;
    if (certificates === undefined) return true;
    try {
      this.#isHttp2 = await this.startTls(certificates) === "h2";
      return true;
    } catch (error) {
      getLogger("postern").debug(`no TLS with ${this.clientAddress}: ${messageOf(error)}`);
      return false;
    }
  }

  /** Whether it goes on. */
  async #next(): Promise<boolean> {
    const request = await this.#readHead();
    if (request === undefined) return false;
    this.lateAfter(Infinity);
    this.idleSince = this.headSince = Infinity;
    this.#request = request;
    if (request.content === undefined) this.watch();
    const answer = await this.#server.handler(request);
    const again = await this.#answer(request, answer);
    this.#request = this.#onGone = undefined;
    return again;
  }

  /** The next request, also one that is refused; undefined when there is none. */
  async #readHead(): Promise<TcpRequest | undefined> {
    const { maxHead, headTimeout, idleTimeout } = this.limits;
    const parser = this.#parser;
    parser.reset();
    let begun = false;
    this.closeAfter(this.#server.draining ? FIRST_READ : idleTimeout);
    while (!this.closed) {
      if (this.#skipEmptyLines()) parser.reset();
      if (this.start < this.end) {
        try {
          const end = parser.parse(this.buffer, this.start, this.end);
          if (end >= 0) {
            const request = new TcpRequest(this, parser, this.start, end);
            this.start = end;
            return request;
          }
          if (this.isLate) throw new ProxyError("client_timeout", `No whole head within ${headTimeout} ms`);
        } catch (error) {
          if (this.#mayBeHttp2()) return undefined;
          return new TcpRequest(this, error as ProxyError, 0, 0);
        }
        if (!begun) this.lateAfter(headTimeout);
        if (this.headSince === Infinity) this.headSince = begun ? this.idleSince : this.now;
        begun = true;
        this.idleSince = Infinity;
        this.#server.idle();
        this.makeRoom(maxHead);
      } else {
        // Empty lines began a head that never came, or the answer before was on its way when the listener was stopped.
        if (this.isLate || (this.#server.draining && !this.#isNew())) return undefined;
        // Empty lines do not make it younger.
        this.idleSince = Math.min(this.waitingSince, this.now);
        this.headSince = Infinity;
        this.#server.idle();
      }
      if (this.isOver) return undefined;
      await this.more();
    }
    return undefined;
  }

  /** Whether what cannot be HTTP/1 is HTTP/2, from a client that knows that it is spoken here. */
  #mayBeHttp2(): boolean {
    const { speaksHttp2, certificates } = this.#server;
    if (!speaksHttp2 || certificates !== undefined || this.#served > 0) return false;
    this.#isHttp2 =
      byteString(this.buffer, this.start, Math.min(this.end, this.start + LINE.length)) === LINE;
    return this.#isHttp2;
  }

  /** Those ahead of a request mean nothing, RFC 9112 section 2.2. Whether there were any. */
  #skipEmptyLines(): boolean {
    const before = this.start;
    while (
      this.start + 1 < this.end && this.buffer[this.start] === CR && this.buffer[this.start + 1] === LF
    ) {
      this.start += 2;
    }
    return this.start > before;
  }

  /** Sends the answer; whether the connection goes on. */
  async #answer(request: TcpRequest, answer: FrontResponse): Promise<boolean> {
    const { content } = request;
    let again = this.#mayGoOn(request, answer.status) && ++this.#served < this.limits.maxRequests;
    this.restartWriteRate();
    await this.#informing;
    this.#informing = undefined;
    this.#wasInformed = false;
    try {
      const isLeft = this.#isGivenUp && this.#gone?.type === "client_gone";
      if (this.closed || isLeft) throw this.#gone!;
      again = await sendAnswer(this, request, answer, again);
    } catch (error) {
      this.#isBrokenOff = true;
      const gone = this.#gone ?? new ProxyError("client_gone", `The client went away: ${messageOf(error)}`);
      this.#leave(gone);
      giveUp(answer, gone);
      return false;
    }
    answer.onSent?.();
    // What is still read of its body is under other deadlines.
    this.#request = undefined;
    if (answer.tunnel !== undefined) {
      await joinTunnel(this, answer.tunnel, this.limits.tunnelTimeout);
      return false;
    }
    if (again && (content === undefined || content.ended)) return true;
    this.#isEnding = !again;
    if (again) {
      this.closeAfter(this.limits.headTimeout);
      return await content!.discard(WORTH_READING);
    }
    const mayBeSending = content?.ended === false || request.refused !== undefined || this.start < this.end;
    if (mayBeSending) await linger(this, content, this.limits.maxDiscard);
    return false;
  }

  /** Whether there may be another request behind this one. */
  #mayGoOn({ keepAlive, content, expectsContinue }: TcpRequest, status: number): boolean {
    if (!keepAlive || this.#server.draining) return false;
    // Requests that came before the client closed its side are answered, as long as nobody was told that it is gone.
    const isHalfClosed = !this.#isGivenUp && !this.closed && this.start < this.end;
    if (this.#gone !== undefined && !isHalfClosed) return false;
    if (content === undefined || content.ended) return true;
    // Who was not told to go on may or may not send the body: what comes next could be either. Who was too slow is not
    // waited for again.
    const isWithheld = expectsContinue && !this.#wasInformed || status === 408;
    return content.remaining <= WORTH_READING && !isWithheld;
  }
}
