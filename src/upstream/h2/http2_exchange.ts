/**
 * One request and its response on a stream of a session.
 *
 * @module
 */
import { type BodyReader, UNTIL_CLOSE } from "../../http/body_reading.ts";
import { ProxyError, toProxyError } from "../../http/errors.ts";
import type { HeaderList } from "../../http/headers.ts";
import type { HeaderBlock } from "../../http/hpack/decoder.ts";
import { encodeBlock } from "../../http/hpack/encoder.ts";
import { CODE, FRAME, headersFrames, MAX_31_BIT, numbersFrame } from "../../http/http2_frames.ts";
import type { Connection } from "../connection.ts";
import type { RequestFraming, RequestLine } from "../request_head.ts";
import { bad, MAX_HEAD, type ResponseHead } from "../response_head.ts";
import {
  isEventStream,
  MAX_INTERIM,
  NO_WISHES,
  type UpstreamExchange,
  WAITING,
  type Wishes,
} from "../upstream_exchange.ts";
import { requestLines, responseHead, responseTrailers, trailerLines } from "./fields.ts";
import { type BodyOwner, Http2Body } from "./response_body.ts";
import { type Http2Session, type SessionStream, STREAM_WINDOW } from "./session.ts";

/** A request under way on a session, which goes on with the others when this one ends, whichever way. */
export class Http2Exchange implements UpstreamExchange, SessionStream, BodyOwner {
  id = 0;
  window = 0;
  pending: Uint8Array | undefined = undefined;
  isLast = false;
  isQueued = false;
  onSlow: (() => void) | null = null;
  received = false;
  wasStale = false;
  readonly #session: Http2Session;
  readonly #head = Promise.withResolvers<ResponseHead>();
  #wishes: Wishes = NO_WISHES;
  #method = "";
  /** How often anything had come on the session before. */
  #heardBefore = 0;
  /** What is left of a request's body of known length. */
  #left = Infinity;
  #body: Http2Body | undefined = undefined;
  #hasBody = false;
  #untouched = true;
  #interims = 0;
  /** What the upstream may still send, and what was taken since it was told of more. */
  #receiveWindow = STREAM_WINDOW;
  #taken = 0;
  #sending = true;
  /** Whether the last frame of the request is on its way. */
  #isSent = false;
  /** Whether the last frame of the response came. */
  #isComplete = false;
  #moved: ((taken: boolean) => void) | undefined = undefined;
  #writeBy = Infinity;
  #readBy = Infinity;
  #isEventStream = false;
  #awaitingHead = true;
  #ended = false;
  #ticks = 0;

  /** Takes a place that was reserved on the session. */
  constructor(session: Http2Session) {
    this.#session = session;
    this.#head.promise.catch(() => {});
  }

  get localAddr(): Deno.Addr {
    return this.#session.connection.localAddr;
  }

  get wrote(): boolean {
    return !this.#untouched;
  }

  get ended(): boolean {
    return this.#ended;
  }

  begin(
    request: RequestLine,
    framing: RequestFraming,
    body?: Uint8Array,
    wishes: Wishes = NO_WISHES,
  ): Promise<ResponseHead> {
    const session = this.#session;
    const scheme = session.connection.target.tls === undefined ? "http" : "https";
    const lines = requestLines(request, scheme, framing);
    if (this.#ended) return this.#head.promise;
    if (session.isRetired) {
      this.onLost(new ProxyError("upstream_closed", `${this.#label} gave up the idle connection`), true);
      return this.#head.promise;
    }
    this.#method = request.method;
    this.#wishes = wishes;
    this.#heardBefore = session.heard;
    this.#untouched = false;
    this.#isSent = framing === null || framing === 0;
    session.open(this, encodeBlock(lines), this.#isSent);
    if (body !== undefined && !this.#isSent) void this.#send(body, true);
    if (typeof framing === "number") this.#left = framing;
    if (wishes.upload === undefined) this.sent();
    else wishes.upload();
    if (wishes.expectsContinue) this.#awaitHead();
    return this.#head.promise;
  }

  async trySend(piece: Uint8Array, chunked: boolean): Promise<boolean> {
    this.#left -= piece.length;
    const taken = await this.#send(piece, !chunked && this.#left <= 0);
    // Who sends without a 100 is not waited for: from here on, the upload has its own time limits.
    if (taken && this.#sending && this.#awaitingHead) this.#readBy = Infinity;
    return taken;
  }

  trySendLastChunk(trailers: HeaderList | undefined): Promise<boolean> {
    if (trailers === undefined) return this.#send(new Uint8Array(), true);
    if (this.#ended) return Promise.resolve(false);
    this.#session.send(headersFrames(this.id, encodeBlock(trailerLines(trailers)), true));
    this.#isSent = true;
    return Promise.resolve(true);
  }

  sent(): void {
    this.#sending = false;
    this.#awaitHead();
  }

  readBody(head: ResponseHead, method: string): BodyReader | null {
    const { status } = head;
    this.#isEventStream = isEventStream(head);
    if (method !== "HEAD" && status !== 204 && status !== 304) return this.#body!;
    this.#close(CODE.CANCEL);
    return null;
  }

  wanted(): void {
    this.#readBy = this.#isEventStream ? Infinity : this.#after("readIdle");
  }

  taken(bytes: number): void {
    if (this.#ended) return;
    this.#taken += bytes;
    if (this.#taken < STREAM_WINDOW / 2) return;
    this.#session.send(numbersFrame(FRAME.WINDOW_UPDATE, this.id, this.#taken));
    this.#receiveWindow += this.#taken;
    this.#taken = 0;
  }

  abort(error: ProxyError): void {
    this.#fail(error, CODE.CANCEL);
  }

  detach(): Connection {
    throw new Error("A stream cannot switch protocols");
  }

  tick(now: number): void {
    if (this.onSlow !== null && ++this.#ticks > 1) {
      this.onSlow();
      this.onSlow = null;
    }
    if (now >= this.#writeBy) this.#timeOut("write");
    else if (now >= this.#readBy) this.#timeOut(this.#awaitingHead ? "firstByte" : "readIdle");
  }

  moved(): void {
    this.#writeBy = Infinity;
    this.#isSent = this.isLast;
    this.#moved?.(true);
    this.#moved = undefined;
  }

  onWider(bytes: number): void {
    this.window += bytes;
    if (this.window > MAX_31_BIT) {
      this.#fail(bad("it widens the stream's window too far"), CODE.FLOW_CONTROL_ERROR);
    } else this.#session.offer(this);
  }

  onFields({ lines, isTooLarge }: HeaderBlock, isLast: boolean): void {
    try {
      if (isTooLarge) throw bad(`its head is larger than ${MAX_HEAD} bytes, or has too many fields`);
      if (this.#awaitingHead) this.#takeHead(lines, isLast);
      else if (isLast) this.#body!.trailers = responseTrailers(lines);
      else throw bad("it has two heads");
      if (isLast) this.#complete();
    } catch (error) {
      this.#fail(toProxyError(error, "internal"), CODE.PROTOCOL_ERROR);
    }
  }

  onData(data: Uint8Array, cost: number, isLast: boolean): void {
    const body = this.#body;
    this.#receiveWindow -= cost;
    if (this.#receiveWindow < 0) return this.#fail(bad("it sends more than it may"), CODE.FLOW_CONTROL_ERROR);
    if (body === undefined) return this.#fail(bad("its body comes before its head"), CODE.PROTOCOL_ERROR);
    if (cost > data.length) this.taken(cost - data.length);
    if (this.#hasBody) {
      if (body.length !== undefined && body.received + data.length > body.length) {
        return this.#fail(bad("its body is longer than its content-length"), CODE.PROTOCOL_ERROR);
      }
      if (data.length > 0) {
        this.#readBy = Infinity;
        body.push(data);
      }
    }
    if (isLast) this.#complete();
  }

  onReset(code: number): void {
    const doing = this.#awaitingHead ? "before the response's head" : "in the middle of the response's body";
    const error = new ProxyError(
      "upstream_closed",
      `${this.#label} reset the stream ${doing} (code ${code})`,
    );
    if (code === CODE.REFUSED_STREAM && !this.received) this.#untouched = true;
    this.#fail(error, undefined);
  }

  onLost(error: ProxyError, untouched: boolean): void {
    if (untouched) this.#untouched = this.wasStale = true;
    this.#fail(error, undefined);
  }

  get #label(): string {
    return this.#session.connection.target.label;
  }

  #send(piece: Uint8Array, isLast: boolean): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false);
    this.#writeBy = this.#after("write");
    this.pending = piece;
    this.isLast = isLast;
    const moved = new Promise<boolean>((resolve) => this.#moved = resolve);
    this.#session.offer(this);
    return moved;
  }

  #takeHead(lines: readonly string[], isLast: boolean): void {
    const head = responseHead(lines);
    const { status } = head;
    this.received = true;
    if (status < 200) {
      if (status === 101) throw bad("it switches protocols, which HTTP/2 cannot");
      if (isLast) throw bad("it ends with an interim response");
      if (++this.#interims > MAX_INTERIM) throw bad(`it has more than ${MAX_INTERIM} interim responses`);
      if (status === 100 && this.#sending) this.#readBy = Infinity;
      this.#wishes.onInterim?.(head);
      return;
    }
    this.#hasBody = this.#method !== "HEAD" && status !== 204 && status !== 304;
    if (isLast && this.#hasBody && head.bodyLength > 0) throw bad("it has a content-length but no body");
    this.#awaitingHead = false;
    this.#readBy = Infinity;
    this.#body = new Http2Body(this, head.bodyLength === UNTIL_CLOSE ? undefined : head.bodyLength);
    this.#head.resolve(head);
  }

  /** The response is here to its end. */
  #complete(): void {
    const body = this.#body;
    if (body === undefined) throw bad("it ends before its head");
    if (this.#hasBody && body.length !== undefined && body.received !== body.length) {
      return this.#fail(bad("its body is shorter than its content-length"), CODE.PROTOCOL_ERROR);
    }
    this.#isComplete = true;
    body.end();
    // What was not sent of the request by now is of no use any more.
    this.#close(CODE.CANCEL);
  }

  #timeOut(what: keyof typeof WAITING): void {
    const session = this.#session;
    const { label, timeouts } = session.connection.target;
    // Nothing at all came since: the other side may be gone without a word.
    if (session.heard === this.#heardBefore) session.retire();
    this.abort(new ProxyError("upstream_timeout", `${label}: waited ${timeouts[what]} ms ${WAITING[what]}`));
  }

  #awaitHead(): void {
    if (this.#awaitingHead) this.#readBy = this.#after("firstByte");
  }

  #after(what: keyof typeof WAITING): number {
    return this.#session.now + this.#session.connection.target.timeouts[what];
  }

  /** @param code What the upstream is told, unless it ended the stream itself. */
  #fail(error: ProxyError, code: number | undefined): void {
    if (this.#ended) return;
    this.#head.reject(error);
    this.#body?.fail(error);
    this.#close(code);
  }

  #close(code: number | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#writeBy = this.#readBy = Infinity;
    this.pending = undefined;
    this.#moved?.(false);
    const isDone = this.#isSent && this.#isComplete;
    if (this.id > 0 && code !== undefined && !isDone) this.#session.reset(this, code);
    this.#session.release(this);
  }
}
