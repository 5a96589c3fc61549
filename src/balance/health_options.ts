/**
 * Settings of active health checks.
 *
 * @module
 */
import { isTimeout, LONGEST_TIMEOUT } from "../upstream/peer.ts";
import { type Check, tcpCheck } from "./tcp_check.ts";

/** Settings of the health checks of a group. */
export interface HealthCheckOptions {
  /** What is checked. @default {tcpCheck()} */
  check?: Check;
  /** From the beginning of one check of a backend to that of its next, in milliseconds. @default {5_000} */
  interval?: number;
  /** The same for a backend that is down, in milliseconds. @default {the interval} */
  downInterval?: number;
  /** Each pause is longer or shorter by up to this share, so that checks do not come in bursts. @default {0.1} */
  jitter?: number;
  /** A check that takes longer is a failure, in milliseconds. @default {the check's own, or 1_000} */
  timeout?: number;
  /**
   * Failures in a row that take a healthy backend out. One, so that a dead one is found within an interval; where a check
   * can fail by chance, as over a network that loses packets, two. The first check ever decides by itself. @default {1}
   */
  fall?: number;
  /** Successes in a row that bring it back; with slow start, one does no harm. @default {1} */
  rise?: number;
  /** The most checks under way at a time. @default {32} */
  concurrency?: number;
}

/**
 * Completes the options; none may make the checks run without a pause or never end.
 *
 * @throws {RangeError} that names the option that cannot be used
 */
export function healthCheckRules(given: HealthCheckOptions): Required<HealthCheckOptions> {
  const { interval = 5_000, check = tcpCheck() } = given;
  const options = {
    ...{ check, interval, downInterval: interval, timeout: check.timeout || 1_000 },
    ...{ jitter: 0.1, fall: 1, rise: 1, concurrency: 32 },
    ...given,
  };
  const refuseUnless = (name: keyof HealthCheckOptions, holds: boolean, expected: string) => {
    if (holds) return;
    throw new RangeError(`Cannot use health check "${name}": expected ${expected}, found ${options[name]}`);
  };
  refuseUnless("check", typeof check === "function", "a function");
  for (const name of ["interval", "downInterval", "timeout"] as const) {
    refuseUnless(
      name,
      isTimeout(options[name]) && options[name] >= 1,
      `milliseconds from 1 to ${LONGEST_TIMEOUT}`,
    );
  }
  for (const name of ["fall", "rise", "concurrency"] as const) {
    refuseUnless(name, Number.isSafeInteger(options[name]) && options[name] >= 1, "a whole number >= 1");
  }
  refuseUnless("jitter", options.jitter >= 0 && options.jitter <= 1, "a number from 0 to 1");
  return options;
}

/** The pause before a backend's next check, in milliseconds, `elapsed` after the last one began. */
export function pauseOf(
  { interval, downInterval, jitter }: Required<HealthCheckOptions>,
  healthy: boolean | undefined,
  elapsed: number,
  random: number,
): number {
  const every = healthy === false ? downInterval : interval;
  return Math.min(Math.max(every * (1 + jitter * (2 * random - 1)) - elapsed, 1), LONGEST_TIMEOUT);
}
