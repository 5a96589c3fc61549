/**
 * One request and its response on one connection.
 *
 * @module
 */
import { bodyReader } from "../http/body_reader.ts";
import type { BodyReader, BodyReading } from "../http/body_reading.ts";
import { chunkOf, lastChunk } from "../http/chunked_encoder.ts";
import { messageOf, ProxyError } from "../http/errors.ts";
import type { HeaderList } from "../http/headers.ts";
import type { Watchdog } from "../http/watchdog.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionPool } from "./pool.ts";
import { type RequestFraming, type RequestLine, writeHead } from "./request_head.ts";
import { bad, findHeadEnd, MAX_HEAD, parseHead, type ResponseHead } from "./response_head.ts";
import {
  isEventStream,
  MAX_INTERIM,
  NO_WISHES,
  type UpstreamExchange,
  WAITING,
  type Wishes,
} from "./upstream_exchange.ts";

/** A request under way on a connection. Its end puts the connection back into the pool, or closes it. */
export class Exchange implements BodyReading, UpstreamExchange {
  /** The connection, this exchange's alone until its end. */
  readonly connection: Connection;
  /** Called once when the next piece takes long enough for a client to notice: one to two ticks. */
  onSlow: (() => void) | null = null;
  /** Whether any byte of the response came. */
  received = false;
  readonly #watchdog: Watchdog;
  readonly #pool: ConnectionPool;
  /** When the upstream has to have taken what is being written, on the watchdog's clock. */
  #writeBy = Infinity;
  /** When it has to have sent what is being waited for: the head, or more of the body. */
  #readBy = Infinity;
  #awaitingHead = true;
  /** Whether the response is silent for as long as nothing happens. */
  #isEventStream = false;
  #sending = true;
  #reusable = false;
  #keptFor = Infinity;
  #failure: ProxyError | null = null;
  #ended = false;
  #ticks = 0;

  /** Starts an exchange on a connection that no other uses. */
  constructor(connection: Connection, watchdog: Watchdog, pool: ConnectionPool) {
    this.connection = connection;
    this.#watchdog = watchdog;
    this.#pool = pool;
  }

  /**
   * Writes a piece of the body, framed as a chunk if asked for; false when the upstream takes no more.
   * That is no failure yet: its response may be on the way.
   */
  async trySend(piece: Uint8Array, chunked: boolean): Promise<boolean> {
    const bytes = chunked ? chunkOf(piece) : piece;
    try {
      await this.#send(bytes);
      // Who sends without a 100 is not waited for: from here on, the upload has its own time limits.
      if (this.#sending && this.#awaitingHead) this.#readBy = Infinity;
      return true;
    } catch {
      this.#awaitHead();
      return false;
    }
  }

  /** Says that a body without length is over; as {@linkcode Exchange.trySend}. */
  async trySendLastChunk(trailers: HeaderList | undefined): Promise<boolean> {
    return await this.trySend(lastChunk(trailers), false);
  }

  /** Says that the whole request was sent; the wait for the response is timed from here. */
  sent(): void {
    this.#sending = false;
    this.#awaitHead();
  }

  /** The connection's own address. */
  get localAddr(): Deno.Addr {
    return this.connection.localAddr;
  }

  /** Whether any of the request was written. */
  get wrote(): boolean {
    return this.connection.wrote;
  }

  /** Whether the connection was given up before any of the request was written. */
  get wasStale(): boolean {
    return !this.connection.wrote;
  }

  /** Whether it is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Sends the request's head, with its body where that is at hand, and waits for the head of the final response;
   * that is also a 101 that was asked for.
   *
   * @throws {ProxyError} `upstream_closed`, `upstream_timeout`, `bad_response`, or what the exchange was aborted with
   * @throws {TypeError} at once, when method or target would break the request line
   */
  begin(
    request: RequestLine,
    framing: RequestFraming,
    body?: Uint8Array,
    wishes: Wishes = NO_WISHES,
  ): Promise<ResponseHead> {
    return this.#begin(writeHead(this.connection, request, framing, body), wishes);
  }

  async #begin(head: Uint8Array, wishes: Wishes): Promise<ResponseHead> {
    const { upload, onInterim } = wishes;
    const { connection } = this;
    if (connection.stale) {
      throw new ProxyError("upstream_closed", `${connection.target.label} gave up the idle connection`);
    }
    this.#writeBy = this.#after("write");
    try {
      const written = await connection.write(head);
      connection.wrote = true;
      if (written < head.length) await this.#send(head.subarray(written));
    } catch (error) {
      throw this.#explain(error);
    }
    this.#writeBy = Infinity;
    if (upload === undefined) this.sent();
    else upload();
    if (wishes.expectsContinue) this.#awaitHead();
    let looked = 0;
    for (let interim = 0;;) {
      if (connection.end > connection.start) {
        const { start } = connection;
        const end = findHeadEnd(connection.buffer, start, start + looked, connection.end);
        if (end >= 0) {
          const head = parseHead(connection.buffer, start, end);
          connection.start = end;
          looked = 0;
          if (head.status >= 200 || (head.status === 101 && wishes.mayUpgrade)) {
            this.#awaitingHead = false;
            this.#readBy = Infinity;
            return head;
          }
          if (head.status === 101) throw bad("it switches protocols, which was not asked for");
          if (++interim > MAX_INTERIM) throw bad(`it has more than ${MAX_INTERIM} interim responses`);
          if (head.status === 100 && this.#sending) this.#readBy = Infinity;
          onInterim?.(head);
          continue;
        }
        looked = -1 - end - start;
      }
      let n: number | null;
      try {
        n = await connection.fill(MAX_HEAD);
      } catch (error) {
        throw this.#explain(error);
      }
      if (n === null) {
        const when = looked > 0 || connection.end > connection.start ? "in the middle of" : "before";
        throw new ProxyError(
          "upstream_closed",
          `${connection.target.label} closed the connection ${when} the response's head`,
        );
      }
      connection.end += n;
      this.received = true;
    }
  }

  /** The body that belongs to the head, or null when there is none; then the exchange is at its end. */
  readBody(head: ResponseHead, method: string): BodyReader | null {
    const { status, bodyLength } = head;
    this.#reusable = head.keepAlive;
    this.#keptFor = head.keepAliveFor;
    if (method === "HEAD" || status === 204 || status === 304 || bodyLength === 0) {
      this.end();
      return null;
    }
    this.#isEventStream = isEventStream(head);
    if (this.#isEventStream) this.connection.keepAlive();
    return bodyReader(this, bodyLength);
  }

  /** Reads more behind the unused bytes; false when the upstream is done. */
  async fillBody(): Promise<boolean> {
    const n = await this.#read(this.connection.fill(MAX_HEAD));
    if (n !== null) this.connection.end += n;
    return n !== null;
  }

  /** Reads a piece of the body into a buffer of the caller's; null when the upstream is done. */
  readInto(into: Uint8Array): Promise<number | null> {
    return this.#read(this.connection.readInto(into));
  }

  /** The response was read to its end. The connection is kept if both sides are done and nothing is left over. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const { connection } = this;
    if (this.#reusable && !this.#sending && connection.start === connection.end) {
      this.#pool.put(connection, this.#keptFor);
    } else {
      connection.close();
    }
  }

  /** Gives the exchange up: what waits on it rejects with `error`. Nothing happens when it is over. */
  abort(error: ProxyError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = error;
    this.connection.close();
  }

  /** Gives the connection to whoever speaks another protocol on it from now on; the exchange is over. */
  detach(): Connection {
    this.#ended = true;
    return this.connection;
  }

  /** The error for a body that breaks off. */
  cut(): ProxyError {
    return new ProxyError(
      "upstream_closed",
      `${this.connection.target.label} closed the connection in the middle of the response's body`,
    );
  }

  /** The error for a body that is malformed. */
  bad(what: string): ProxyError {
    return bad(what);
  }

  /** Aborts when a deadline has passed. */
  tick(now: number): void {
    if (this.onSlow !== null && ++this.#ticks > 1) {
      this.onSlow();
      this.onSlow = null;
    }
    if (now >= this.#writeBy) this.#timeOut("write");
    else if (now >= this.#readBy) this.#timeOut(this.#awaitingHead ? "firstByte" : "readIdle");
  }

  #timeOut(what: keyof typeof WAITING): void {
    const { label, timeouts } = this.connection.target;
    this.abort(new ProxyError("upstream_timeout", `${label}: waited ${timeouts[what]} ms ${WAITING[what]}`));
  }

  #awaitHead(): void {
    if (this.#awaitingHead) this.#readBy = this.#after("firstByte");
  }

  #after(what: keyof typeof WAITING): number {
    return this.#watchdog.now + this.connection.target.timeouts[what];
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const { connection } = this;
    this.#writeBy = this.#after("write");
    try {
      let written = await connection.write(bytes);
      connection.wrote = true;
      while (written < bytes.length) written += await connection.write(bytes.subarray(written));
    } catch (error) {
      throw this.#explain(error);
    }
    this.#writeBy = Infinity;
  }

  async #read(reading: Promise<number | null>): Promise<number | null> {
    this.#readBy = this.#isEventStream ? Infinity : this.#after("readIdle");
    try {
      const n = await reading;
      this.#readBy = Infinity;
      return n;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): ProxyError {
    const { label } = this.connection.target;
    return this.#failure ??
      new ProxyError("upstream_closed", `${label}: ${messageOf(error)}`, { cause: error });
  }
}
