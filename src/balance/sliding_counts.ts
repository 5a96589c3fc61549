/**
 * Counting successes and failures of the last while.
 *
 * @module
 */

/** A window moves on by a tenth of itself. */
const PARTS = 10;

/** Successes and failures of the last `window` milliseconds, to a tenth of it. */
export class SlidingCounts {
  readonly #part: number;
  readonly #all = new Array<number>(PARTS).fill(0);
  readonly #failed = new Array<number>(PARTS).fill(0);
  #at = 0;

  /** An empty window, in milliseconds. */
  constructor(window: number) {
    this.#part = window / PARTS;
  }

  /** Counts one. */
  add(now: number, failed: boolean): void {
    this.#moveTo(now);
    const slot = this.#at % PARTS;
    this.#all[slot]!++;
    if (failed) this.#failed[slot]!++;
  }

  /** What is in the window. */
  sums(now: number): { all: number; failed: number } {
    this.#moveTo(now);
    let all = 0;
    let failed = 0;
    for (let i = 0; i < PARTS; i++) {
      all += this.#all[i]!;
      failed += this.#failed[i]!;
    }
    return { all, failed };
  }

  /** Forgets everything. */
  clear(): void {
    this.#all.fill(0);
    this.#failed.fill(0);
  }

  #moveTo(now: number): void {
    const at = Math.floor(now / this.#part);
    if (at <= this.#at) return;
    for (let i = Math.max(this.#at + 1, at - PARTS + 1); i <= at; i++) {
      this.#all[i % PARTS] = this.#failed[i % PARTS] = 0;
    }
    this.#at = at;
  }
}
