/**
 * Giving the backends of a group their passive checks and circuit breakers, and saying what those do.
 *
 * @module
 */
import { getLogger } from "@std/log";
import type { Backend } from "./backend.ts";
import { CircuitBreaker, type CircuitBreakerOptions, circuitBreakerRules } from "./circuit_breaker.ts";
import type { GroupEvents } from "./events.ts";
import { Outlier, type OutlierOptions, outlierRules } from "./outlier.ts";
import { beginSlowStart } from "./slow_start.ts";

/** Which guards the backends of a group have. */
export interface GuardOptions {
  /** Passive checks. @default none */
  outlier?: OutlierOptions;
  /** Circuit breakers. @default none */
  breaker?: CircuitBreakerOptions;
}

/** What guards work with. */
export interface GuardedGroup {
  /** The members. */
  backends(): readonly Backend[];
  /** Are told of what happens. */
  events?: GroupEvents;
  /** How long a backend that is back takes to get its whole share, in milliseconds. @default {0} */
  slowStart?: number;
  /** The clock. @default {performance.now} */
  now?: () => number;
}

/** Attaches guards to backends. */
export class Guards {
  readonly #outlier: ReturnType<typeof outlierRules> | undefined;
  readonly #breaker: ReturnType<typeof circuitBreakerRules> | undefined;
  readonly #group: GuardedGroup;
  readonly #now: () => number;

  /**
   * Guards of that kind for a group.
   *
   * @throws {RangeError} that names the option that cannot be used
   */
  constructor({ outlier, breaker }: GuardOptions, group: GuardedGroup) {
    this.#outlier = outlier && outlierRules(outlier);
    this.#breaker = breaker && circuitBreakerRules(breaker);
    this.#group = group;
    this.#now = group.now ?? (() => performance.now());
  }

  /** Gives a backend that is new to the group its guards, in the place of any it had. */
  attach(backend: Backend): void {
    backend.outlier = this.#outlier && this.#outlierOf(backend);
    backend.breaker = this.#breaker && this.#breakerOf(backend);
  }

  /** Whether so much of the group would still be in if one more went out. */
  #mayEject(maxShare: number): boolean {
    const backends = this.#group.backends();
    const now = this.#now();
    let out = 1;
    for (const { healthy, outlier } of backends) {
      if (healthy === false || (outlier !== undefined && outlier.until > now)) out++;
    }
    return out <= maxShare * backends.length;
  }

  #outlierOf(backend: Backend): Outlier {
    const rules = this.#outlier!;
    const { events, slowStart = 0 } = this.#group;
    const log = getLogger("postern");
    return new Outlier(rules, {
      mayEject: () => this.#mayEject(rules.maxShare),
      ejected: (cause, ms) => {
        backend.cause = cause;
        log.warn(`upstream ${backend.label} EJECTED for ${seconds(ms)} after ${cause}`);
        events?.tell("ejected", backend, cause);
      },
      readmitted: (ms) => {
        beginSlowStart(backend, this.#now(), slowStart);
        log.info(`upstream ${backend.label} READMITTED, was ejected for ${seconds(ms)}`);
        events?.tell("readmitted", backend, "its time is over", ms);
      },
    }, this.#now);
  }

  #breakerOf(backend: Backend): CircuitBreaker {
    const rules = this.#breaker!;
    const { events, slowStart = 0 } = this.#group;
    const log = getLogger("postern");
    return new CircuitBreaker(rules, {
      opened: (cause) => {
        backend.cause = cause;
        log.warn(`upstream ${backend.label} circuit OPEN for ${seconds(rules.openFor)} after ${cause}`);
        events?.tell("opened", backend, cause);
      },
      closed: (ms, probes) => {
        const cause = probes === 1 ? "1 probe passed" : `${probes} probes passed`;
        beginSlowStart(backend, this.#now(), slowStart);
        log.info(`upstream ${backend.label} circuit CLOSED as ${cause}, was open for ${seconds(ms)}`);
        events?.tell("closed", backend, cause, ms);
      },
    }, this.#now);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
