/**
 * Reading pieces into a buffer.
 *
 * @module
 */
import type { BodySource } from "../../http/body.ts";

/** A source that fills buffers. */
export interface DirectSource {
  /** As that of a source. */
  readonly readInto: NonNullable<BodySource["readInto"]>;
  /** As that of a source. */
  readonly isReady?: boolean | undefined;
}

/** Reads a source that has pieces of its own as one that fills buffers. */
export class PieceReader implements DirectSource {
  readonly #source: BodySource;
  #rest: Uint8Array | null = null;

  constructor(source: BodySource) {
    this.#source = source;
  }

  /** As that of a source. */
  get isReady(): boolean {
    return this.#rest !== null;
  }

  /** As that of a source. */
  readonly readInto = (into: Uint8Array): number | Promise<number | null> => {
    return this.#rest === null ? this.#next(into) : this.#hand(this.#rest, into);
  };

  async #next(into: Uint8Array): Promise<number | null> {
    const piece = await this.#source.read();
    return piece === null ? null : this.#hand(piece, into);
  }

  #hand(piece: Uint8Array, into: Uint8Array): number {
    const n = Math.min(piece.length, into.length);
    into.set(piece.subarray(0, n));
    this.#rest = n < piece.length ? piece.subarray(n) : null;
    return n;
  }
}
