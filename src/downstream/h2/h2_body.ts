/**
 * The body of a request by HTTP/2.
 *
 * @module
 */
import { concat } from "../../http/body.ts";
import { ProxyError } from "../../http/errors.ts";
import type { HeaderList } from "../../http/headers.ts";
import { addPiece } from "../../http/pieces.ts";
import type { FrontBody } from "../front.ts";
import { Rate } from "../tcp/rate.ts";

/** What a body needs of its stream. */
export interface BodyStream {
  /** The watchdog's clock. */
  readonly now: number;
  /** Bytes a second that are expected of the client. */
  readonly minRate: number;
  /** Told that bytes were taken: the client may send as many more. */
  taken(bytes: number): void;
}

/** A body on its way in: what has come waits here, of which the stream's window allows only so much. */
export class H2Body implements FrontBody {
  trailers: HeaderList | undefined = undefined;
  /** Whether its last byte has come. */
  ended = false;
  /** How many bytes have come. */
  received = 0;
  /** How fast it comes. */
  readonly rate: Rate = new Rate();
  readonly #stream: BodyStream;
  #pieces: Uint8Array[] = [];
  #failure: ProxyError | undefined = undefined;
  #isCancelled = false;
  #reading: PromiseWithResolvers<Uint8Array | null> | undefined = undefined;

  constructor(stream: BodyStream) {
    this.#stream = stream;
  }

  read(): Promise<Uint8Array | null> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#stream.taken(piece.length);
      return Promise.resolve(piece);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    // Not the end: a body that was given up is not one that is complete.
    if (this.#isCancelled) {
      return Promise.reject(new ProxyError("client_gone", "The rest of the body is not wanted"));
    }
    if (this.ended) return Promise.resolve(null);
    this.rate.begin(this.#stream.now);
    this.#reading = Promise.withResolvers();
    return this.#reading.promise;
  }

  async whole(): Promise<Uint8Array | null> {
    const pieces: Uint8Array[] = [];
    for (let piece; (piece = await this.read()) !== null;) pieces.push(piece);
    return pieces.length === 0 ? null : pieces.length === 1 ? pieces[0]! : concat(pieces);
  }

  cancel(): void {
    this.#isCancelled = true;
    for (const piece of this.#pieces.splice(0)) this.#stream.taken(piece.length);
  }

  /** Some of it has come, in a buffer that is used again. */
  push(piece: Uint8Array): void {
    this.received += piece.length;
    if (this.#reading !== undefined) {
      this.#stream.taken(piece.length);
      this.#settle(piece.slice());
    } else if (this.#isCancelled) {
      this.#stream.taken(piece.length);
    } else {
      addPiece(this.#pieces, piece);
    }
  }

  /** All of it has come. */
  end(): void {
    this.ended = true;
    if (this.#reading !== undefined) this.#settle(null);
  }

  /** No more of it comes. What has come is not worth anything. */
  fail(error: ProxyError): void {
    if (this.ended || this.#failure !== undefined) return;
    this.#failure = error;
    this.cancel();
    const reading = this.#reading;
    this.#reading = undefined;
    reading?.promise.catch(() => {});
    reading?.reject(error);
  }

  #settle(piece: Uint8Array | null): void {
    const { now, minRate } = this.#stream;
    const reading = this.#reading!;
    this.#reading = undefined;
    this.rate.end(now, piece?.length ?? 0, minRate);
    reading.resolve(piece);
  }
}
