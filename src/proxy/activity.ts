/**
 * How many requests are under way, and the moment when none is.
 *
 * @module
 */

/** Counts what has begun and not ended. */
export class Activity {
  /** Under way now. */
  count = 0;
  #onIdle: (() => void)[] = [];

  /** One more. */
  begin(): void {
    this.count++;
  }

  /** One less. */
  end(): void {
    if (--this.count === 0 && this.#onIdle.length > 0) { for (const tell of this.#onIdle.splice(0)) tell(); }
  }

  /** Resolves when none is under way. */
  idle(): Promise<void> {
    return new Promise((resolve) => this.count === 0 ? resolve() : void this.#onIdle.push(resolve));
  }
}
