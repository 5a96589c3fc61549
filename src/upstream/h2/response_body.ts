/**
 * The body of a response by HTTP/2.
 *
 * @module
 */
import { concat } from "../../http/body.ts";
import { type BodyReader, unwanted } from "../../http/body_reading.ts";
import type { ProxyError } from "../../http/errors.ts";
import type { HeaderList } from "../../http/headers.ts";
import { addPiece } from "../../http/pieces.ts";

/** What a body needs of its exchange. */
export interface BodyOwner {
  /** Called once when the next piece takes long enough for somebody to notice. */
  onSlow: (() => void) | null;
  /** Told that more is waited for. */
  wanted(): void;
  /** Told that bytes were taken: the upstream may send as many more. */
  taken(bytes: number): void;
  /** Told that the rest is not wanted. */
  abort(error: ProxyError): void;
}

/** A reader that waits: for a piece, or to have its buffer filled. */
interface Waiting {
  into: Uint8Array | undefined;
  resolve(taken: Uint8Array | number | null): void;
  reject(error: ProxyError): void;
}

/** A body on its way in: what came waits here, of which the stream's window allows only so much. */
export class Http2Body implements BodyReader {
  readonly length: number | undefined;
  trailers: HeaderList | undefined = undefined;
  /** How many bytes came. */
  received = 0;
  readonly #owner: BodyOwner;
  #pieces: Uint8Array[] = [];
  #waiting: Waiting | undefined = undefined;
  #gathering: PromiseWithResolvers<Uint8Array | null> | undefined = undefined;
  #ended = false;
  #failure: ProxyError | undefined = undefined;

  constructor(owner: BodyOwner, length: number | undefined) {
    this.#owner = owner;
    this.length = length;
  }

  get isReady(): boolean {
    return this.#pieces.length > 0 || this.#ended;
  }

  whole(limit: number): Uint8Array | Promise<Uint8Array | null> | null {
    if (this.#ended) return this.#all();
    if (this.#failure !== undefined || this.length === undefined || this.length > limit) return null;
    this.#gathering = Promise.withResolvers();
    this.#owner.onSlow = () => this.#gathered(null);
    this.#owner.wanted();
    return this.#gathering.promise;
  }

  async read(): Promise<Uint8Array | null> {
    const piece = this.#pieces.shift();
    if (piece === undefined) return await this.#wait(undefined) as Uint8Array | null;
    this.#owner.taken(piece.length);
    return piece;
  }

  readInto(into: Uint8Array): number | null | Promise<number | null> {
    let filled = 0;
    while (this.#pieces.length > 0 && filled < into.length) {
      const piece = this.#pieces[0]!;
      const part = piece.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      if (part === piece || part.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part.length);
    }
    if (filled === 0) return this.#ended ? null : this.#wait(into) as Promise<number | null>;
    this.#owner.taken(filled);
    return filled;
  }

  cancel(): void {
    this.#pieces = [];
    this.#owner.abort(unwanted());
  }

  /** A piece came, in a buffer that is used again. */
  push(piece: Uint8Array): void {
    this.received += piece.length;
    const waiting = this.#waiting;
    if (waiting === undefined) {
      addPiece(this.#pieces, piece);
      if (this.#gathering !== undefined) this.#owner.wanted();
      return;
    }
    this.#waiting = undefined;
    const { into } = waiting;
    if (into === undefined) {
      this.#owner.taken(piece.length);
      return waiting.resolve(piece.slice());
    }
    const part = piece.subarray(0, into.length);
    into.set(part);
    if (part.length < piece.length) addPiece(this.#pieces, piece.subarray(part.length));
    this.#owner.taken(part.length);
    waiting.resolve(part.length);
  }

  /** All of it came. */
  end(): void {
    this.#ended = true;
    if (this.#gathering !== undefined) this.#gathered(this.#all());
    this.#waiting?.resolve(null);
    this.#waiting = undefined;
  }

  /** No more of it comes. Whoever reads gets what came before, then the error. */
  fail(error: ProxyError): void {
    if (this.#ended) return;
    this.#failure = error;
    this.#gathering?.reject(error);
    this.#waiting?.reject(error);
    this.#gathering = this.#waiting = undefined;
  }

  /** All of it in one piece; null when there are trailer fields, which have no place in an answer with a length. */
  #all(): Uint8Array | null {
    if (this.trailers !== undefined) return null;
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces.length === 1 ? pieces[0]! : concat(pieces);
  }

  #gathered(all: Uint8Array | null): void {
    this.#gathering?.resolve(all);
    this.#gathering = undefined;
    this.#owner.onSlow = null;
  }

  #wait(into: Uint8Array | undefined): Promise<Uint8Array | number | null> {
    if (this.#ended) return Promise.resolve(null);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#owner.wanted();
    return new Promise((resolve, reject) => this.#waiting = { into, resolve, reject });
  }
}
