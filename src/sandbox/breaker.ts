/**
 * When a failed worker is started again, and when a module has failed too often to be tried.
 *
 * @module
 */

/** Pauses before a worker is started again, in milliseconds: none after the first failure, then doubling. */
const PAUSE = [0, 100, 5_000] as const;
/** How long a module is disabled, in milliseconds; doubles up to the second value as long as it fails at once again. */
const DISABLED = [30_000, 300_000] as const;

/** Counts failures. Open, it disables the module for a time; then one worker may try again. */
export class Breaker {
  /** So many failures within the window disable the module. */
  static readonly LIMIT = 5;
  /** In milliseconds. */
  static readonly WINDOW = 60_000;
  readonly #failures: number[] = [];
  #disabledUntil = 0;
  #disabledFor: number = DISABLED[0];

  /** Whether calls may be made. */
  allows(): boolean {
    return this.#disabledUntil === 0 || performance.now() >= this.#disabledUntil;
  }

  /** Takes a failure in; how long to wait before another worker is started, in milliseconds. */
  failed(): number {
    const now = performance.now();
    const wasOpen = this.#disabledUntil !== 0;
    this.#failures.push(now);
    while (this.#failures[0]! < now - Breaker.WINDOW) this.#failures.shift();
    const { length } = this.#failures;
    if (length < Breaker.LIMIT) {
      if (wasOpen && length === 1) this.#close();
      return length === 1 ? PAUSE[0] : Math.min(PAUSE[1] * 2 ** (length - 2), PAUSE[2]);
    }
    if (this.allows()) {
      if (wasOpen) this.#disabledFor = Math.min(this.#disabledFor * 2, DISABLED[1]);
      this.#disabledUntil = now + this.#disabledFor;
    }
    return this.#disabledUntil - now;
  }

  #close(): void {
    this.#disabledUntil = 0;
    this.#disabledFor = DISABLED[0];
  }
}
