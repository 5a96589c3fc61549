/**
 * How much of what means nothing a client may send.
 *
 * @module
 */

/** A number of events that are free, and comes back with time. */
export class Allowance {
  readonly #most: number;
  readonly #perSecond: number;
  #left: number;
  #since = 0;

  /**
   * @param most How many are free at once.
   * @param perSecond How many more are with each second, up to `most`.
   */
  constructor(most: number, perSecond: number) {
    this.#most = this.#left = most;
    this.#perSecond = perSecond;
  }

  /** Counts one; whether it was free. */
  spend(now: number): boolean {
    const back = (now - this.#since) * this.#perSecond / 1000;
    this.#since = now;
    this.#left = Math.min(this.#most, this.#left + back) - 1;
    return this.#left >= 0;
  }

  /** Gives some back for something of use. */
  earn(count: number): void {
    this.#left = Math.min(this.#most, this.#left + count);
  }
}
