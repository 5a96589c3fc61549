/**
 * Reading a body of known length.
 *
 * @module
 */
import {
  type BodyReader,
  type BodyReading,
  cut,
  hasUnused,
  readPiece,
  take,
  takeBuffered,
  unwanted,
} from "./body_reading.ts";

/** A body of known length, streamed or gathered first. */
export class LengthBody implements BodyReader {
  readonly length: number;
  readonly #reading: BodyReading;
  #left: number;
  /** A body that is gathered first: there up to `#filled`, read up to `#taken`. */
  #gathered: Uint8Array | null = null;
  #filled = 0;
  #taken = 0;
  #failure: unknown;
  #wake = () => {};

  constructor(reading: BodyReading, length: number) {
    this.#reading = reading;
    this.length = length;
    this.#left = length;
  }

  get isReady(): boolean {
    if (this.#gathered !== null) return this.#filled > this.#taken;
    return this.#left === 0 || hasUnused(this.#reading);
  }

  whole(limit: number): Uint8Array | Promise<Uint8Array | null> | null {
    const { connection } = this.#reading;
    if (connection.end - connection.start < this.length) return this.length > limit ? null : this.#gather();
    const all = takeBuffered(this.#reading, this.length)!;
    this.#took(all.length);
    return all;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#gathered !== null) return await this.#readGathered(this.#gathered);
    if (this.#left === 0) return null;
    const piece = takeBuffered(this.#reading, this.#left) ?? await readPiece(this.#reading, this.#left);
    if (piece === null) throw cut(this.#reading);
    this.#took(piece.length);
    return piece;
  }

  readInto(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#gathered !== null) return this.#gatheredInto(this.#gathered, into);
    if (this.#left === 0) return null;
    const n = take(this.#reading, into, this.#left);
    if (n === 0) return this.#readInto(into);
    this.#took(n);
    return n;
  }

  cancel(): void {
    if (this.#left > 0) this.#reading.abort(unwanted());
  }

  async #readInto(into: Uint8Array): Promise<number> {
    const n = await this.#reading.readInto(this.#left < into.length ? into.subarray(0, this.#left) : into);
    if (n === null) throw cut(this.#reading);
    this.#took(n);
    return n;
  }

  #gather(): Promise<Uint8Array | null> {
    const { connection } = this.#reading;
    const all = this.#gathered = new Uint8Array(this.length);
    const first = connection.buffer.subarray(connection.start, connection.end);
    all.set(first);
    connection.start = connection.end;
    this.#filled = first.length;
    this.#left -= first.length;
    return new Promise((resolve, reject) => {
      this.#reading.onSlow = () => resolve(null);
      this.#fill(all).then(() => resolve(all), (error) => {
        this.#failure = error;
        this.#wake();
        reject(error);
      });
    });
  }

  async #fill(all: Uint8Array): Promise<void> {
    while (this.#left > 0) {
      const n = await this.#reading.readInto(all.subarray(this.#filled));
      if (n === null) throw cut(this.#reading);
      this.#filled += n;
      this.#took(n);
      this.#wake();
    }
  }

  async #gatheredInto(all: Uint8Array, into: Uint8Array): Promise<number | null> {
    const piece = await this.#readGathered(all, into.length);
    if (piece === null) return null;
    into.set(piece);
    return piece.length;
  }

  async #readGathered(all: Uint8Array, limit = Infinity): Promise<Uint8Array | null> {
    while (this.#taken === this.#filled) {
      if (this.#left === 0) return null;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const piece = all.subarray(this.#taken, Math.min(this.#filled, this.#taken + limit));
    this.#taken += piece.length;
    return piece;
  }

  #took(n: number): void {
    this.#left -= n;
    if (this.#left === 0) this.#reading.end();
  }
}
