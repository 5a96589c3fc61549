/**
 * Time that passes at once, for deadlines of many seconds.
 *
 * @module
 */
import { TICK } from "../../src/http/watchdog.ts";

/** `performance.now()` with a lead; disposing it takes the lead away. */
export interface ClockAhead extends Disposable {
  /** Lets so many milliseconds pass at once. */
  pass(ms: number): void;
  /** Resolves when every watchdog of this process has looked at its deadlines since. */
  looked(): Promise<void>;
}

/** Puts the clock of this process's watchdogs in the test's hands. Timers go on as ever. */
export function clockAhead(): ClockAhead {
  const { performance } = globalThis;
  const real = performance.now.bind(performance);
  let lead = 0;
  performance.now = () => real() + lead;
  return {
    pass: (ms) => lead += ms,
    // A watchdog takes the first look after a leap for a late one and gives what has come a turn; the next one counts.
    looked: () => new Promise((resolve) => setTimeout(resolve, 4 * TICK)),
    [Symbol.dispose]: () => Reflect.deleteProperty(performance, "now"),
  };
}
