/**
 * Reading a chunked body.
 *
 * @module
 */
import { concat } from "./body.ts";
import { type BodyReader, type BodyReading, cut, hasUnused, readPiece, unwanted } from "./body_reading.ts";
import { ChunkedDecoder } from "./chunked_decoder.ts";
import type { ProxyError } from "./errors.ts";
import type { HeaderList } from "./headers.ts";

/** From this many bytes on, the rest of a chunk is read straight into its piece. */
const DIRECT = 16 * 1024;

/** A chunked body, with its trailer fields at the end. */
export class ChunkedBody implements BodyReader {
  readonly length = undefined;
  readonly #reading: BodyReading;
  readonly #decoder: ChunkedDecoder;
  #first: Uint8Array | null = null;

  constructor(reading: BodyReading) {
    this.#reading = reading;
    this.#decoder = new ChunkedDecoder((what) => reading.bad(what));
  }

  get isReady(): boolean {
    return this.#first !== null || this.#decoder.ended || hasUnused(this.#reading);
  }

  get trailers(): HeaderList | undefined {
    return this.#decoder.trailers;
  }

  whole(): Uint8Array | null {
    const here = this.#decode();
    // Trailer fields have no place in an answer with a length.
    if (this.#decoder.ended && this.#decoder.trailers === undefined) return here ?? new Uint8Array();
    this.#first = here;
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#first !== null) {
      const first = this.#first;
      this.#first = null;
      return first;
    }
    while (!this.#decoder.ended) {
      const piece = this.#decode();
      if (piece !== null) return piece;
      if (this.#decoder.ended) return null;
      const { inChunk } = this.#decoder;
      if (inChunk >= DIRECT) {
        const direct = await readPiece(this.#reading, inChunk);
        if (direct === null) throw cut(this.#reading);
        this.#decoder.skip(direct.length);
        return direct;
      }
      if (!await this.#reading.fillBody()) throw cut(this.#reading);
    }
    return null;
  }

  readInto(into: Uint8Array): number | null | Promise<number | null> {
    const first = this.#first ?? this.#decode();
    if (first !== null) return this.#hand(first, into);
    return this.#decoder.ended ? null : this.#readInto(into);
  }

  cancel(): void {
    if (!this.#decoder.ended) this.#reading.abort(unwanted());
  }

  async #readInto(into: Uint8Array): Promise<number | null> {
    const { inChunk } = this.#decoder;
    if (inChunk >= DIRECT) {
      const n = await this.#reading.readInto(inChunk < into.length ? into.subarray(0, inChunk) : into);
      if (n === null) throw cut(this.#reading);
      this.#decoder.skip(n);
      return n;
    }
    if (!await this.#reading.fillBody()) throw cut(this.#reading);
    return await this.readInto(into);
  }

  /** Hands on what fits; the rest stays for the next read. */
  #hand(piece: Uint8Array, into: Uint8Array): number {
    const n = Math.min(piece.length, into.length);
    into.set(n < piece.length ? piece.subarray(0, n) : piece);
    this.#first = n < piece.length ? piece.subarray(n) : null;
    return n;
  }

  #decode(): Uint8Array | null {
    const { connection } = this.#reading;
    const pieces: Uint8Array[] = [];
    try {
      connection.start = this.#decoder.decode(connection.buffer, connection.start, connection.end, pieces);
    } catch (error) {
      this.#reading.abort(error as ProxyError);
      throw error;
    }
    // Copied before the end is told: the next read may fill the buffer at once.
    const piece = pieces.length === 0 ? null : pieces.length === 1 ? pieces[0]!.slice() : concat(pieces);
    if (this.#decoder.ended) this.#reading.end();
    return piece;
  }
}
