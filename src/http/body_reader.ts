/**
 * Reading the body of a message: of known length, chunked, or until the connection closes.
 *
 * @module
 */
import {
  type BodyLength,
  type BodyReader,
  type BodyReading,
  CHUNKED,
  hasUnused,
  readPiece,
  take,
  takeBuffered,
  UNTIL_CLOSE,
  unwanted,
} from "./body_reading.ts";
import { ChunkedBody } from "./chunked_body.ts";
import { LengthBody } from "./length_body.ts";

/** The reader for a body of that length. */
export function bodyReader(reading: BodyReading, length: BodyLength): BodyReader {
  if (length === CHUNKED) return new ChunkedBody(reading);
  return length === UNTIL_CLOSE ? new UntilCloseBody(reading) : new LengthBody(reading, length);
}

class UntilCloseBody implements BodyReader {
  readonly length = undefined;
  readonly #reading: BodyReading;
  #ended = false;

  constructor(reading: BodyReading) {
    this.#reading = reading;
  }

  get isReady(): boolean {
    return this.#ended || hasUnused(this.#reading);
  }

  whole(): null {
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#ended) return null;
    const piece = takeBuffered(this.#reading, Infinity) ?? await readPiece(this.#reading, Infinity);
    if (piece === null) this.#finish();
    return piece;
  }

  readInto(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#ended) return null;
    const n = take(this.#reading, into, Infinity);
    return n > 0 ? n : this.#readInto(into);
  }

  cancel(): void {
    this.#reading.abort(unwanted());
  }

  async #readInto(into: Uint8Array): Promise<number | null> {
    const n = await this.#reading.readInto(into);
    if (n === null) this.#finish();
    return n;
  }

  #finish(): void {
    this.#ended = true;
    this.#reading.abort(unwanted());
  }
}
