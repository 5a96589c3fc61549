/**
 * Active health checks, as a background service.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import { sleep } from "../http/sleep.ts";
import { isTimeout, LONGEST_TIMEOUT } from "../upstream/peer.ts";
import type { Backend } from "./backend.ts";
import { checkWithin } from "./limited_check.ts";
import { type Check, tcpCheck } from "./tcp_check.ts";

/** Settings of the health checks of a group. */
export interface HealthCheckOptions {
  /** What is checked. @default {tcpCheck()} */
  check?: Check;
  /** From one round of checks to the next, in milliseconds. @default {5_000} */
  interval?: number;
  /** A check that takes longer is a failure, in milliseconds. @default {the check's own, or 1_000} */
  timeout?: number;
  /** Failures in a row that take a healthy backend out. @default {1} */
  fall?: number;
  /** Successes in a row that bring it back. @default {1} */
  rise?: number;
}

const DEFAULTS = { interval: 5_000, fall: 1, rise: 1 };

/** Checks all backends of a group at once, round after round. */
export class HealthChecks {
  /** Named in the log. */
  readonly name = "health checks";
  readonly #backends: () => readonly Backend[];
  readonly #options: Required<HealthCheckOptions>;

  /**
   * `backends` is asked for the members anew every round.
   *
   * @throws {RangeError} when an option cannot be used
   */
  constructor(backends: () => readonly Backend[], options: HealthCheckOptions = {}) {
    const check = options.check ?? tcpCheck();
    this.#backends = backends;
    this.#options = checked({ ...DEFAULTS, timeout: check.timeout || 1_000, ...options, check });
  }

  /** Checks until the signal aborts; the first round is at once. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.round(signal);
      await sleep(this.#options.interval, signal);
    }
  }

  /** One check of every backend, all at the same time. */
  async round(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#backends().map((backend) => this.#checkOne(backend, signal)));
  }

  async #checkOne(backend: Backend, signal: AbortSignal): Promise<void> {
    let cause: string | null = null;
    try {
      const { check, timeout } = this.#options;
      await checkWithin(timeout, check, backend.peer, signal);
    } catch (error) {
      cause = messageOf(error);
    }
    if (!signal.aborted) this.#observe(backend, cause);
  }

  #observe(backend: Backend, cause: string | null): void {
    if ((cause === null) === backend.healthy) {
      backend.contradictions = 0;
      return;
    }
    const { fall, rise } = this.#options;
    const count = ++backend.contradictions;
    if (count < (backend.healthy ? fall : rise)) return;
    const now = performance.now();
    const lasted = ((now - backend.since) / 1000).toFixed(1);
    backend.healthy = !backend.healthy;
    backend.contradictions = 0;
    backend.since = now;
    const log = getLogger("postern");
    if (cause !== null) {
      log.warn(`upstream ${backend.label} DOWN after ${counted(count, "failure")}: ${cause}`);
    } else {log.info(
        `upstream ${backend.label} UP after ${counted(count, "success")}, was down for ${lasted} s`,
      );}
  }
}

function counted(n: number, noun: string): string {
  return n === 1 ? `1 ${noun}` : `${n} ${noun}${noun.endsWith("s") ? "es" : "s"}`;
}

/** The options, of which none may make the checks run without a pause or never end. */
function checked(options: Required<HealthCheckOptions>): Required<HealthCheckOptions> {
  const refuse = (name: keyof HealthCheckOptions, expected: string) => {
    throw new RangeError(`Cannot use health check "${name}": expected ${expected}, found ${options[name]}`);
  };
  if (typeof options.check !== "function") refuse("check", "a function");
  for (const name of ["interval", "timeout"] as const) {
    if (!isTimeout(options[name]) || options[name] < 1) {
      refuse(name, `milliseconds from 1 to ${LONGEST_TIMEOUT}`);
    }
  }
  for (const name of ["fall", "rise"] as const) {
    if (!Number.isSafeInteger(options[name]) || options[name] < 1) refuse(name, "a whole number >= 1");
  }
  return options;
}
