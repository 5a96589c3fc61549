/**
 * One connection of a client to the own HTTP/1.1 server: its bytes, its deadlines, its requests one after the other.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { CR, LF } from "../../http/bytes.ts";
import { endpointOf, type Endpoints, plainAddress } from "../../http/endpoint.ts";
import { messageOf, ProxyError } from "../../http/errors.ts";
import type { HeaderList } from "../../http/headers.ts";
import { moving } from "../../http/turns.ts";
import type { Watchdog, Watched } from "../../http/watchdog.ts";
import { formatAddress } from "../../upstream/address.ts";
import type { FrontHandler, FrontResponse } from "../front.ts";
import { writeAnswerHead } from "./answer_head.ts";
import { giveBuffer, takeBuffer } from "./buffers.ts";
import { HeadParser } from "./head_parser.ts";
import type { TcpLimits } from "./limits.ts";
import { Rate } from "./rate.ts";
import { sendAnswer } from "./send_answer.ts";
import { TcpRequest } from "./tcp_request.ts";
import { joinTunnel } from "./tunnel.ts";

/** What is read at a time while nothing larger is known to come: most heads fit, and idle connections hold no more. */
const SMALL = 4 * 1024;
/** The buffer while a body comes in. */
const LARGE = 32 * 1024;
/** The rest of a body that is read for the connection's sake after an early answer, in bytes. */
const WORTH_READING = 64 * 1024;
/** How long a connection that ends is read for what its client still sends, in milliseconds. */
const LINGER = 30_000;

/** What all connections of a listener share. */
export interface Server {
  /** Answers requests. */
  readonly handler: FrontHandler;
  /** The limits. */
  readonly limits: TcpLimits;
  /** Deadlines. */
  readonly watchdog: Watchdog;
  /** Whether connections are to end after their present request. */
  draining: boolean;
  /** Told of a connection's end. */
  closed(connection: ClientConnection): void;
}

/** A connection. */
export class ClientConnection implements Watched {
  /** Bytes read and not used yet lie from `start` to `end`. */
  buffer: Uint8Array<ArrayBuffer> = new Uint8Array(SMALL);
  start = 0;
  end = 0;
  slot = -1;
  readonly scheme: string;
  clientAddress: string;
  /** How fast the body of the present request comes. */
  bodyRate: Rate = new Rate();
  readonly server: Server;
  readonly #socket: Deno.Conn;
  readonly #parser: HeadParser;
  #endpoints: Endpoints | undefined = undefined;
  #writeRate = new Rate();
  /** By when the next head is to be there, or begun, or the end of a lingering connection. */
  #deadline = Infinity;
  #writeBy = Infinity;
  #reading = false;
  #wake: (() => void) | undefined = undefined;
  /** No more comes from the client. */
  #isOver = false;
  /** Whether a deadline has passed. */
  isLate = false;
  #closesWhenLate = true;
  /** Whether it was closed from this side. */
  closed = false;
  #request: TcpRequest | undefined = undefined;
  #onGone: ((error: ProxyError) => void) | undefined = undefined;
  #gone: ProxyError | undefined = undefined;
  #informing: Promise<void> | undefined = undefined;
  #wasInformed = false;
  #served = 0;
  /** When it became idle, on the watchdog's clock; Infinity while it is not. */
  idleSince = Infinity;

  constructor(socket: Deno.Conn, server: Server, scheme: string) {
    this.#socket = socket;
    this.server = server;
    this.scheme = scheme;
    this.#parser = new HeadParser(server.limits);
    const { remoteAddr } = socket;
    this.clientAddress = remoteAddr.transport === "tcp" ? plainAddress(remoteAddr.hostname) : "unix";
    server.watchdog.add(this);
  }

  /** The watchdog's clock. */
  get now(): number {
    return this.server.watchdog.now;
  }

  /** What stands for a Host that an HTTP/1.0 request does not name. */
  get host(): string {
    const { localAddr } = this.#socket;
    return localAddr.transport === "tcp" ? formatAddress({ ...localAddr, transport: "tcp" }) : "localhost";
  }

  /** Both ends. */
  endpoints(): Endpoints {
    const { remoteAddr, localAddr } = this.#socket;
    return this.#endpoints ??= { source: endpointOf(remoteAddr), destination: endpointOf(localAddr) };
  }

  /** Answers requests until the connection ends. Never rejects. */
  async serve(): Promise<void> {
    try {
      while (await this.#next());
    } catch (error) {
      getLogger("postern").error(`connection of ${this.clientAddress}: ${messageOf(error)}`);
    }
    this.close();
  }

  /** Ends it as soon as it is between two requests. */
  drain(): void {
    if (this.idleSince !== Infinity) this.close();
  }

  /** Closes it, whatever is under way. */
  close(): void {
    if (this.closed) return;
    this.closed = this.#isOver = true;
    this.idleSince = Infinity;
    this.server.watchdog.delete(this);
    this.#socket.close();
    this.server.closed(this);
    this.#leave(new ProxyError("client_gone", "The connection was closed"));
    this.#notify();
  }

  stop(): void {
    this.close();
  }

  tick(now: number): void {
    if (now >= this.#deadline) {
      this.isLate = true;
      if (this.#closesWhenLate) return this.close();
      this.#deadline = Infinity;
      return this.#notify();
    }
    const { limits } = this.server;
    if (now >= this.#writeBy || this.#writeRate.isBelow(limits.minRate, now)) {
      this.#leave(new ProxyError("client_timeout", "The client took the response too slowly"));
      return this.close();
    }
    if (this.#request === undefined) return;
    if (this.bodyRate.isBelow(limits.minRate, now)) {
      this.#leave(
        new ProxyError("client_timeout", `The client sent fewer than ${limits.minRate} bytes/s of its body`),
      );
    } else if (this.#request.content !== undefined) {
      this.#watch();
    }
  }

  onGone(callback: (error: ProxyError) => void): void {
    if (this.#gone === undefined) this.#onGone = callback;
    else callback(this.#gone);
  }

  /** Sends an interim response. */
  readonly inform = (status: number, reason: string, headers: HeaderList): void => {
    const answer = { status, reason, headers, body: null, onSent: undefined };
    const { buffer, length } = writeAnswerHead(answer, { framing: "close", connection: "" });
    this.#wasInformed ||= status === 100;
    const before = this.#informing ?? Promise.resolve();
    this.#informing = before.then(() => this.write(buffer.subarray(0, length)))
      .then(() => giveBuffer(buffer), () => {});
  };

  /** Closes it after so many milliseconds, unless that is put off or called off. */
  closeAfter(ms: number): void {
    this.#deadline = this.now + ms;
    this.#closesWhenLate = true;
  }

  /** Reads more behind the unused bytes; false when no more will come. */
  async fillBody(): Promise<boolean> {
    if (!this.#reading && this.buffer.length < LARGE) this.#resize(LARGE);
    const before = this.end - this.start;
    await this.#more();
    return this.end - this.start > before;
  }

  /** Reads into a buffer of the caller's; null when no more will come. */
  async readInto(into: Uint8Array): Promise<number | null> {
    if (this.#reading) await this.#more();
    const n = Math.min(into.length, this.end - this.start);
    if (n > 0) {
      into.set(this.buffer.subarray(this.start, this.start + n));
      this.start += n;
      return n;
    }
    if (this.#isOver) return null;
    this.#reading = true;
    try {
      const n = await this.#socket.read(into);
      this.#reading = false;
      if (n === null) this.#hangUp();
      else await moving(n);
      return n;
    } catch {
      this.#reading = false;
      this.#hangUp();
      return null;
    }
  }

  /** Writes all of it. */
  async write(bytes: Uint8Array): Promise<void> {
    const { limits } = this.server;
    let written = 0;
    do {
      this.#writeBy = this.now + limits.writeTimeout;
      this.#writeRate.begin(this.now);
      const n = await this.#socket.write(written === 0 ? bytes : bytes.subarray(written));
      this.#writeRate.end(this.now, n);
      written += n;
    } while (written < bytes.length);
    this.#writeBy = Infinity;
    const pause = moving(bytes.length);
    if (pause !== undefined) await pause;
  }

  /** Says that nothing more will be written. */
  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  /** The body of the present request was read to its end: whatever comes now is the next request, or the client's leaving. */
  bodyEnded(): void {
    this.#watch();
  }

  /** Whether it goes on. */
  async #next(): Promise<boolean> {
    const request = await this.#readHead();
    if (request === undefined) return false;
    this.#request = request;
    if (request.content === undefined) this.#watch();
    const answer = await this.server.handler(request);
    const again = await this.#answer(request, answer);
    this.#request = this.#onGone = undefined;
    return again;
  }

  /** The next request, also one that is refused; undefined when there is none. */
  async #readHead(): Promise<TcpRequest | undefined> {
    const parser = this.#parser;
    const { limits } = this.server;
    parser.reset();
    let begun = false;
    this.closeAfter(limits.idleTimeout);
    while (!this.closed) {
      while (
        this.start + 1 < this.end && this.buffer[this.start] === CR && this.buffer[this.start + 1] === LF
      ) {
        // RFC 9112 section 2.2: empty lines ahead of a request are skipped.
        this.start += 2;
      }
      if (this.start < this.end) {
        try {
          const end = parser.parse(this.buffer, this.start, this.end);
          if (end >= 0) {
            const request = new TcpRequest(this, parser, this.start, end);
            this.start = end;
            this.#deadline = this.idleSince = Infinity;
            return request;
          }
        } catch (error) {
          return this.#refuse(error as ProxyError);
        }
        if (this.isLate) {
          return this.#refuse(
            new ProxyError("client_timeout", `No whole head within ${limits.headTimeout} ms`),
          );
        }
        if (!begun) this.closeAfter(limits.headTimeout);
        begun = true;
        this.#closesWhenLate = false;
        this.idleSince = Infinity;
        if (!this.#reading && this.end === this.buffer.length) {
          const isMostlyFree = this.start > this.end / 2;
          this.#resize(isMostlyFree ? this.buffer.length : Math.min(limits.maxHead, this.buffer.length * 4));
        }
      } else {
        this.idleSince = this.now;
        // Where a head seemed to begin, and was an empty line in two pieces, there is nothing to answer.
        this.#closesWhenLate = true;
      }
      if (this.#isOver) return undefined;
      await this.#more();
    }
    return undefined;
  }

  #refuse(error: ProxyError): TcpRequest {
    this.#deadline = this.idleSince = Infinity;
    return new TcpRequest(this, error, 0, 0);
  }

  /** Sends the answer; whether the connection goes on. */
  async #answer(request: TcpRequest, answer: FrontResponse): Promise<boolean> {
    const { content } = request;
    const { limits } = this.server;
    const isWithheld = request.expectsContinue && !this.#wasInformed;
    let again = request.keepAlive && this.#gone === undefined && !this.server.draining &&
      ++this.#served < limits.maxRequests &&
      (content === undefined || (content.remaining <= WORTH_READING && !isWithheld));
    if (this.#informing !== undefined) await this.#informing;
    this.#informing = undefined;
    this.#wasInformed = false;
    if (this.closed) {
      giveUp(answer, this.#gone!);
      return false;
    }
    try {
      again = await sendAnswer(this, request, answer, again);
    } catch (error) {
      const gone = this.#gone ?? new ProxyError("client_gone", `The client went away: ${messageOf(error)}`);
      this.#leave(gone);
      giveUp(answer, gone);
      return false;
    }
    answer.onSent?.();
    if (answer.tunnel !== undefined) {
      this.#request = undefined;
      await joinTunnel(this, answer.tunnel, limits.tunnelTimeout);
      return false;
    }
    this.bodyRate = new Rate();
    if (again) {
      if (content === undefined || content.ended) return true;
      this.closeAfter(limits.headTimeout);
      return await content.discard(WORTH_READING);
    }
    if (content?.ended === false || request.refused !== undefined || this.start < this.end) {
      await this.#linger(request);
    }
    return false;
  }

  /** Reads on for a while: closing over bytes that were not read would take the answer from the client. */
  async #linger({ content }: TcpRequest): Promise<void> {
    this.closeAfter(LINGER);
    try {
      await this.closeWrite();
    } catch {
      return;
    }
    await content?.settled();
    let left = this.server.limits.maxDiscard;
    const buffer = takeBuffer();
    for (let n; left > 0 && (n = await this.readInto(buffer)) !== null;) left -= n;
    if (!this.closed) giveBuffer(buffer);
  }

  /** Waits until there are more bytes, no more will come, or a deadline has passed. */
  #more(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    if (!this.#reading) this.#read();
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Leaves a read standing, so that the client's leaving is noticed. What else it brings is the next request's. */
  #watch(): void {
    if (!this.#reading && !this.#isOver && (this.start === this.end || this.end < this.buffer.length)) {
      this.#read();
    }
  }

  #read(): void {
    if (this.start === this.end) {
      this.start = this.end = 0;
      if (this.buffer.length >= LARGE && this.#request?.content?.ended !== false) {
        this.buffer = new Uint8Array(SMALL);
      }
    } else if (this.end === this.buffer.length) {
      this.#resize(this.buffer.length);
    }
    this.#reading = true;
    this.#socket.read(this.end === 0 ? this.buffer : this.buffer.subarray(this.end)).then(
      this.#onRead,
      this.#onEnd,
    );
  }

  readonly #onRead = (n: number | null): void => {
    this.#reading = false;
    if (n === null) return this.#onEnd();
    this.end += n;
    if (this.#wake !== undefined) this.#notify();
    else this.#watch();
  };

  readonly #onEnd = (): void => {
    this.#reading = false;
    this.#hangUp();
    this.#notify();
  };

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #hangUp(): void {
    this.#isOver = true;
    if (this.#request !== undefined) this.#leave(new ProxyError("client_gone", "The client went away"));
  }

  #leave(error: ProxyError): void {
    if (this.#gone !== undefined) return;
    this.#gone = error;
    this.#onGone?.(error);
    this.#onGone = undefined;
  }

  /** Moves the unused bytes to the front of a buffer of at least that size; not while a read is under way. */
  #resize(size: number): void {
    const used = this.buffer.subarray(this.start, this.end);
    const buffer = size > this.buffer.length ? new Uint8Array(size) : this.buffer;
    buffer.set(used);
    this.buffer = buffer;
    this.start = 0;
    this.end = used.length;
  }
}

/** Tells whoever made an answer that nothing more of it will be sent. */
function giveUp({ body, onSent, tunnel }: FrontResponse, error: ProxyError): void {
  if (body !== null && !(body instanceof Uint8Array)) body.cancel(error);
  tunnel?.end(error);
  onSent?.();
}
