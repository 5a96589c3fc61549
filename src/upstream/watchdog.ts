/**
 * Deadlines for many requests by one timer: a request costs a set entry, not a timer of its own.
 *
 * @module
 */

/** How often deadlines are looked at, in milliseconds; a time-out can be late by that much. */
export const TICK = 50;

/** Something with a deadline. */
export interface Watched {
  /** Called every {@linkcode TICK} while watched. */
  tick(now: number): void;
}

/** Calls everything it watches {@linkcode TICK} by {@linkcode TICK}; its timer runs only while there is anything. */
export class Watchdog {
  /** The time of the last tick, on `performance.now()`'s clock: good enough to count time-outs from, and free. */
  now: number = performance.now();
  readonly #watched = new Set<Watched>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Starts watching. */
  add(watched: Watched): void {
    this.#watched.add(watched);
    if (this.#timer !== undefined) return;
    this.now = performance.now();
    this.#timer = setInterval(() => this.#sweep(), TICK);
  }

  /** Stops watching. */
  delete(watched: Watched): void {
    this.#watched.delete(watched);
  }

  /** How many are watched. */
  get size(): number {
    return this.#watched.size;
  }

  /** Stops the timer; a later {@linkcode Watchdog.add} starts it again. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    this.now = performance.now();
    if (this.#watched.size === 0) return this.close();
    for (const watched of this.#watched) watched.tick(this.now);
  }
}
