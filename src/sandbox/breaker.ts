/**
 * When a failed worker is started again, and when a module has failed too often to be tried.
 *
 * @module
 */

/** Pauses before a worker is started again, in milliseconds: none after the first failure, then doubling. */
const PAUSE = [0, 100, 5_000] as const;
/** How long a module is disabled, in milliseconds; doubles up to the second value as long as it fails at once again. */
const DISABLED = [30_000, 300_000] as const;

/** What a {@linkcode Breaker} goes by. */
export interface BreakerOptions {
  /** So many failures within the window disable the module. @default {5} */
  limit?: number;
  /** In milliseconds. @default {60_000} */
  window?: number;
  /** The time, in milliseconds. @default {performance.now} */
  now?: () => number;
}

/**
 * Counts failures. Open, it disables the module for a time. After that the module is on trial for as long as the window:
 * a single failure disables it again, for twice the time.
 */
export class Breaker {
  /** So many failures within the window disable the module. */
  readonly limit: number;
  /** In milliseconds. */
  readonly window: number;
  readonly #now: () => number;
  readonly #failures: number[] = [];
  #disabledUntil = -Infinity;
  #disabledFor = 0;

  /** A closed one. */
  constructor({ limit = 5, window = 60_000, now = () => performance.now() }: BreakerOptions = {}) {
    this.limit = limit;
    this.window = window;
    this.#now = now;
  }

  /** Whether calls may be made. */
  allows(): boolean {
    return this.#now() >= this.#disabledUntil;
  }

  /** Takes a failure in; how long to wait before another worker is started, in milliseconds. */
  failed(): number {
    const now = this.#now();
    // Of several workers that fail together, the first disabled the module.
    if (now < this.#disabledUntil) return this.#disabledUntil - now;
    const onTrial = now < this.#disabledUntil + this.window;
    if (onTrial) this.#disabledFor = Math.min(this.#disabledFor * 2, DISABLED[1]);
    else this.#disabledFor = DISABLED[0];
    this.#failures.push(now);
    while (this.#failures[0]! < now - this.window) this.#failures.shift();
    const { length } = this.#failures;
    if (!onTrial && length < this.limit) {
      return length === 1 ? PAUSE[0] : Math.min(PAUSE[1] * 2 ** (length - 2), PAUSE[2]);
    }
    this.#failures.length = 0;
    this.#disabledUntil = now + this.#disabledFor;
    return this.#disabledFor;
  }
}
