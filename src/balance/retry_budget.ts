/**
 * Keeping retries to a share of the requests, so that a group in trouble is not given more work by them.
 *
 * @module
 */

/** Settings of a {@linkcode RetryBudget}. */
export interface RetryBudgetOptions {
  /** Retries for every request, over time. @default {0.2} */
  share?: number;
  /** Retries a second that are allowed beside that. @default {10} */
  perSecond?: number;
}

/** Unused retries add up to at most this many seconds' worth of `perSecond` and so many requests' worth of `share`. */
const SAVED_SECONDS = 10;
const SAVED_REQUESTS = 100;

/** A bucket that requests and time fill and retries empty, as in Finagle. */
export class RetryBudget {
  readonly #share: number;
  readonly #perSecond: number;
  readonly #most: number;
  readonly #now: () => number;
  #tokens: number;
  #filledAt: number;

  /**
   * A full budget.
   *
   * @param now The clock, in milliseconds.
   * @throws {RangeError} when an option is negative or not a number
   */
  constructor({ share = 0.2, perSecond = 10 }: RetryBudgetOptions = {}, now = () => performance.now()) {
    if (!(share >= 0)) {
      throw new RangeError(`Cannot use retry budget "share": expected a number >= 0, found ${share}`);
    }
    if (!(perSecond >= 0)) {
      throw new RangeError(`Cannot use retry budget "perSecond": expected a number >= 0, found ${perSecond}`);
    }
    this.#share = share;
    this.#perSecond = perSecond;
    this.#now = now;
    this.#tokens = SAVED_SECONDS * perSecond + SAVED_REQUESTS * share;
    this.#most = Math.max(1, this.#tokens);
    this.#filledAt = now();
  }

  /** A request was made; its retries are none. */
  deposit(): void {
    this.#tokens = Math.min(this.#most, this.#tokens + this.#share);
  }

  /** Whether a retry may be made; if so, it is taken off. */
  withdraw(): boolean {
    const now = this.#now();
    this.#tokens = Math.min(this.#most, this.#tokens + (now - this.#filledAt) / 1000 * this.#perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
