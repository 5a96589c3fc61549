/**
 * Deadlines for many requests by one timer: a request costs a set entry, not a timer of its own.
 *
 * @module
 */

/** How often deadlines are looked at, in milliseconds; a time-out can be late by that much. */
export const TICK = 50;

/** A look at the deadlines that comes so long after the one before is late, in milliseconds. */
const LATE = 5 * TICK;

/** Something with a deadline. */
export interface Watched {
  /** The watchdog's own: where it is in its list; -1 while not watched. */
  slot: number;
  /** Called every {@linkcode TICK} while watched. */
  tick(now: number): void;
  /** Told to come to an end at once. */
  stop(): void;
}

/** Calls everything it watches {@linkcode TICK} by {@linkcode TICK}; its timer runs only while there is anything. */
export class Watchdog {
  /** The time of the last tick, on `performance.now()`'s clock: good enough to count time-outs from, and free. */
  now: number = performance.now();
  /** A dense list rather than a Set: the churn of a Set's tables made garbage outlive its request. */
  readonly #watched: Watched[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #closing = false;

  /** Starts watching. */
  add(watched: Watched): void {
    watched.slot = this.#watched.push(watched) - 1;
    if (this.#timer !== undefined) return;
    this.now = performance.now();
    this.#timer = setInterval(() => this.#sweep(), TICK);
  }

  /** Stops watching, if it did. */
  delete(watched: Watched): void {
    if (watched.slot < 0) return;
    const last = this.#watched.pop()!;
    if (last !== watched) {
      this.#watched[watched.slot] = last;
      last.slot = watched.slot;
    }
    watched.slot = -1;
    if (this.#closing && this.#watched.length === 0) this.#stopTimer();
  }

  /** Tells everything it watches to stop. */
  stopAll(): void {
    for (let i = this.#watched.length - 1; i >= 0; i--) this.#watched[i]?.stop();
  }

  /** Stops the timer as soon as nothing is watched any more. */
  close(): void {
    this.#closing = true;
    if (this.#watched.length === 0) this.#stopTimer();
  }

  #sweep(): void {
    const before = this.now;
    this.now = performance.now();
    if (this.#watched.length === 0) return this.#stopTimer();
    // The process was held up: what is waited for may be there, unread, and gets a turn to be read.
    if (this.now - before > LATE) return;
    // From the end, as a tick may stop the watching of its own.
    for (let i = this.#watched.length - 1; i >= 0; i--) this.#watched[i]?.tick(this.now);
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
