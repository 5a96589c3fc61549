/**
 * A stream of a client's connection: one request and its answer.
 *
 * @module
 */
import type { Endpoints } from "../../http/endpoint.ts";
import { ProxyError } from "../../http/errors.ts";
import type { HeaderList } from "../../http/headers.ts";
import { encodeBlock } from "../../http/hpack/encoder.ts";
import { CODE, FRAME, headersFrames, MAX_31_BIT, numbersFrame } from "../../http/http2_frames.ts";
import { refused } from "../refused.ts";
import type { TcpLimits } from "../tcp/limits.ts";
import { Rate } from "../tcp/rate.ts";
import { answerLines } from "./answer_lines.ts";
import { type BodyStream, H2Body } from "./h2_body.ts";
import type { RequestStream } from "./h2_request.ts";
import type { Output, Sending } from "./output.ts";

/** What a client may send of a body before it is asked for more, in bytes. */
export const STREAM_WINDOW = 256 * 1024;

/** The connection of a stream. */
export interface StreamOwner {
  readonly clientAddress: string;
  readonly scheme: string;
  readonly now: number;
  readonly limits: TcpLimits;
  readonly output: Output;
  endpoints(): Endpoints;
  /** Bytes of a body were taken. */
  taken(bytes: number): void;
  /** A frame of data was sent. */
  sent(): void;
  /** The stream is closed. */
  closed(stream: H2Stream): void;
  /**
   * The client has made a stream be reset.
   *
   * @throws {H2Error} when it does that too often
   */
  countReset(): void;
}

/** One request on its connection. */
export class H2Stream implements RequestStream, Sending, BodyStream {
  readonly id: number;
  readonly body: H2Body | undefined;
  window: number;
  pending: Uint8Array | undefined = undefined;
  isLast = false;
  isQueued = false;
  /** Whether the client has sent all of the request. */
  isComplete: boolean;
  /** Whether it is closed. */
  isOver = false;
  /** How long its body is to be; undefined when only its end will tell. */
  length: number | undefined = undefined;
  /** Why its client is gone, or given up. */
  gone: ProxyError | undefined = undefined;
  /** Whether the client is waited for before it sends the body. */
  waitsForContinue = false;
  readonly #owner: StreamOwner;
  #onGone: ((error: ProxyError) => void) | undefined = undefined;
  #isGivenUp = false;
  #moving: PromiseWithResolvers<void> | undefined = undefined;
  #isAnswered = false;
  /** What the client may still send, and what of it was taken since it was told of more. */
  #receiveWindow = STREAM_WINDOW;
  #taken = 0;
  readonly #windowRate = new Rate();
  /** When the client has to have taken more; Infinity while it is not waited for. */
  #windowBy = Infinity;

  /** @param window What the client takes of an answer. */
  constructor(owner: StreamOwner, id: number, window: number, isComplete: boolean) {
    this.#owner = owner;
    this.id = id;
    this.window = window;
    this.isComplete = isComplete;
    this.body = isComplete ? undefined : new H2Body(this);
  }

  get clientAddress(): string {
    return this.#owner.clientAddress;
  }

  get scheme(): string {
    return this.#owner.scheme;
  }

  get now(): number {
    return this.#owner.now;
  }

  get minRate(): number {
    return this.#owner.limits.minRate;
  }

  /** Whether an answer is of no use any more. */
  get isLeft(): boolean {
    return this.isOver || this.#isGivenUp && this.gone?.type === "client_gone";
  }

  endpoints(): Endpoints {
    return this.#owner.endpoints();
  }

  onGone(callback: (error: ProxyError) => void): void {
    this.#onGone = callback;
    if (this.gone !== undefined) this.#tell(this.gone);
  }

  readonly inform = (status: number, _reason: string, headers: HeaderList): void => {
    if (this.isOver || this.#isAnswered) return;
    if (status === 100) {
      this.waitsForContinue = false;
      this.body?.rate.restart(this.now);
    }
    this.#sendFields(answerLines(status, headers, "none"), false);
  };

  /** Sends the head of the answer. */
  sendHead(lines: readonly string[], isLast: boolean): void {
    this.#isAnswered = true;
    this.#sendFields(lines, isLast);
    if (isLast) this.#end();
  }

  /** Sends trailer fields, which end the answer. */
  sendTrailers(lines: readonly string[]): void {
    this.#sendFields(lines, true);
    this.#end();
  }

  /** Sends a part of the body; resolves when it is on its way, rejects when it will not be. */
  sendData(bytes: Uint8Array, isLast: boolean): Promise<void> {
    if (this.isOver) return Promise.reject(this.gone);
    this.pending = bytes;
    this.isLast = isLast;
    this.#moving = Promise.withResolvers();
    this.#owner.output.offer(this);
    return this.#moving.promise;
  }

  moved(): void {
    this.#owner.sent();
    if (this.pending !== undefined) return;
    const moving = this.#moving;
    this.#moving = undefined;
    if (this.isLast) this.#end();
    moving?.resolve();
  }

  /** The client takes more. Whether that is within what may be. */
  widen(bytes: number): boolean {
    this.window += bytes;
    if (this.#windowBy !== Infinity) {
      this.#windowBy = Infinity;
      this.#windowRate.end(this.now, bytes, this.minRate);
    }
    this.#owner.output.offer(this);
    return this.window <= MAX_31_BIT;
  }

  /** Takes data of the body in; false when there is more than the client was told it may send. */
  receive(data: Uint8Array, padding: number): boolean {
    const body = this.body!;
    this.#receiveWindow -= data.length + padding;
    if (this.#receiveWindow < 0) return false;
    if (padding > 0) this.taken(padding);
    if (this.length !== undefined && body.received + data.length > this.length) {
      this.#owner.taken(data.length);
      this.#owner.countReset();
      this.reset(CODE.PROTOCOL_ERROR, refused("its body is longer than its content-length"));
    } else if (data.length > 0) {
      body.push(data);
    }
    return true;
  }

  /** The client has sent all. */
  complete(trailers?: HeaderList): void {
    const body = this.body!;
    if (this.length !== undefined && body.received !== this.length) {
      this.#owner.countReset();
      return this.reset(CODE.PROTOCOL_ERROR, refused("its body is shorter than its content-length"));
    }
    this.isComplete = true;
    body.trailers = trailers;
    body.end();
  }

  taken(bytes: number): void {
    this.#owner.taken(bytes);
    if (this.isComplete || this.isOver) return;
    this.#taken += bytes;
    if (this.#taken < STREAM_WINDOW / 2) return;
    this.#owner.output.send(numbersFrame(FRAME.WINDOW_UPDATE, this.id, this.#taken));
    this.#receiveWindow += this.#taken;
    this.#taken = 0;
  }

  /** Ends it, whatever is under way, and tells the client. */
  reset(code: number, error: ProxyError): void {
    if (this.isOver) return;
    this.#owner.output.send(numbersFrame(FRAME.RST_STREAM, this.id, code));
    this.abandon(error);
  }

  /** Ends it without a word to the client. */
  abandon(error: ProxyError): void {
    if (this.isOver) return;
    this.#close();
    this.#leave(error);
    this.#moving?.reject(this.gone);
    this.#moving = this.pending = undefined;
  }

  /** Looks at the deadlines. */
  tick(now: number): void {
    const { minRate, writeTimeout } = this.#owner.limits;
    if (this.body !== undefined && !this.waitsForContinue && this.body.rate.isBelow(minRate, now)) {
      this.#leave(
        new ProxyError("client_timeout", `The client sent fewer than ${minRate} bytes/s of its body`),
      );
    }
    if (this.pending === undefined || this.isQueued) return;
    if (this.#windowBy === Infinity) {
      this.#windowBy = now + writeTimeout;
      this.#windowRate.begin(now);
    } else if (now >= this.#windowBy || this.#windowRate.isBelow(minRate, now)) {
      this.reset(CODE.CANCEL, new ProxyError("client_timeout", "The client took the response too slowly"));
    }
  }

  #sendFields(lines: readonly string[], isLast: boolean): void {
    if (!this.isOver) this.#owner.output.send(headersFrames(this.id, encodeBlock(lines), isLast));
  }

  /** The answer is on its way. What the client has not sent of the request is of no use any more. */
  #end(): void {
    if (this.isOver) return;
    if (!this.isComplete) this.#owner.output.send(numbersFrame(FRAME.RST_STREAM, this.id, CODE.NO_ERROR));
    this.#onGone = undefined;
    this.#close();
    this.body?.fail(new ProxyError("client_gone", "The rest of the body is not wanted"));
  }

  #close(): void {
    this.isOver = true;
    // What has come of the body and was not taken holds up the other streams.
    this.body?.cancel();
    this.#owner.closed(this);
  }

  #leave(error: ProxyError): void {
    if (this.gone !== undefined) return;
    this.gone = error;
    this.#tell(error);
    this.body?.fail(error);
  }

  #tell(error: ProxyError): void {
    if (this.#onGone === undefined) return;
    this.#isGivenUp = true;
    this.#onGone(error);
    this.#onGone = undefined;
  }
}
