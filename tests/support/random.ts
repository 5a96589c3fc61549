/**
 * Chance that is the same in every run.
 *
 * @module
 */

/** Random numbers from a seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 up to, and without, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 2 ** 32 * limit);
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  /** One of them. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** Up to `most` characters of those, at least one. */
  text(characters: string, most: number): string {
    let text = characters[this.below(characters.length)]!;
    for (let n = this.below(most); n > 0; n--) text += characters[this.below(characters.length)]!;
    return text;
  }

  /** A length: mostly small, sometimes large. */
  length(): number {
    return this.below(this.once(40) ? 80_000 : this.once(8) ? 4000 : this.once(6) ? 1 : 100);
  }

  /** Up to `most` places in a text of that length, in order, where to split it. */
  cuts(length: number, most: number): number[] {
    return Array.from({ length: 1 + this.below(most) }, () => this.below(length + 1)).sort((a, b) => a - b);
  }
}
