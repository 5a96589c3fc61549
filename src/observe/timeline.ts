/**
 * What happened when: requests, failures and latency over the last minutes.
 *
 * @module
 */
import { Quantiles } from "./histogram.ts";

/** How long a slot of a {@linkcode Timeline} is, in milliseconds. */
export const SLOT = 5_000;
/** How many slots are kept: 15 minutes. */
export const SLOTS = 180;

/** What happened in the time of a slot. */
export interface Slot {
  /** When it began, in milliseconds since 1970. */
  readonly at: number;
  /** Requests that ended. */
  readonly requests: number;
  /** Those of them with a status of 500 or more. */
  readonly errors: number;
  /** The median of their times, in milliseconds; undefined without any. */
  readonly p50: number | undefined;
  /** The time that one in a hundred exceeds, in milliseconds; undefined without any. */
  readonly p99: number | undefined;
}

/** A record of the last 15 minutes. */
export class Timeline {
  readonly #now: () => number;
  readonly #past: Slot[] = [];
  readonly #times = new Quantiles();
  #requests = 0;
  #errors = 0;
  #begun: number;
  #end: number;

  /** `now` is the clock, in milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#begun = slotOf(now());
    this.#end = this.#begun + SLOT;
  }

  /** Counts a request that has just ended. */
  add(isError: boolean, ms: number): void {
    const now = this.#now();
    if (now >= this.#end) this.#turn(now);
    this.#requests++;
    if (isError) this.#errors++;
    this.#times.add(ms);
  }

  /** The slots up to now, the oldest first, the last of them not over yet. Those without requests are there too. */
  slots(): Slot[] {
    this.#turn(this.#now());
    return [...this.#past, this.#present()];
  }

  #present(): Slot {
    const times = this.#times;
    return {
      at: this.#begun,
      requests: this.#requests,
      errors: this.#errors,
      p50: times.at(0.5),
      p99: times.at(0.99),
    };
  }

  #turn(now: number): void {
    const begun = slotOf(now);
    while (this.#begun < begun) {
      // After a long silence, or a jump of the clock, older slots would be dropped at once.
      if (begun - this.#begun > SLOT * SLOTS) this.#begun = begun - SLOT * SLOTS;
      this.#past.push(this.#present());
      this.#requests = this.#errors = 0;
      this.#times.clear();
      this.#begun += SLOT;
    }
    this.#past.splice(0, this.#past.length - (SLOTS - 1));
    this.#end = this.#begun + SLOT;
  }
}

function slotOf(time: number): number {
  return Math.floor(time / SLOT) * SLOT;
}
