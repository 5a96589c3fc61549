/**
 * Times of many single things, counted without keeping each.
 *
 * @module
 */

/** Anything longer counts as this long, in microseconds. */
const LONGEST = 1_000_000;

/** Counts times, to the microsecond. */
export class Histogram {
  readonly #counts = new Uint32Array(LONGEST + 1);
  #total = 0;

  /** Adds one, in milliseconds. */
  add(millis: number): void {
    const micros = Math.round(millis * 1000);
    this.#counts[micros < LONGEST ? micros : LONGEST]!++;
    this.#total++;
  }

  /** How long the given share of them took at most, in microseconds; 0 when there are none. */
  percentile(percent: number): number {
    let left = Math.ceil(this.#total * percent / 100);
    if (left === 0) return 0;
    return this.#counts.findIndex((count) => (left -= count) <= 0);
  }

  /** Forgets all. */
  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}
