/**
 * Circuit breakers: no requests to a backend that fails them, until probes have passed.
 *
 * @module
 */
import { isTimeout, LONGEST_TIMEOUT } from "../upstream/peer.ts";
import { SlidingCounts } from "./sliding_counts.ts";

/** When a breaker opens, and how it closes again. */
export interface CircuitBreakerOptions {
  /** So many failures in a row open it; 0 does not count them. @default {5} */
  failures?: number;
  /** This share of failures in the window opens it; 1 or more does not. @default {1} */
  errorShare?: number;
  /** The window for the share, in milliseconds. @default {10_000} */
  window?: number;
  /** With fewer requests in the window, the share says nothing. @default {20} */
  minRequests?: number;
  /** How long it is open before probes are let through, in milliseconds. @default {10_000} */
  openFor?: number;
  /** Requests that are let through then, at most so many at a time; so many successes close it. @default {1} */
  probes?: number;
}

/** {@linkcode CircuitBreakerOptions}, checked and complete; one for all backends of a group. */
export type CircuitBreakerRules = Required<CircuitBreakerOptions>;

const DEFAULTS: CircuitBreakerRules = {
  failures: 5,
  errorShare: 1,
  window: 10_000,
  minRequests: 20,
  openFor: 10_000,
  probes: 1,
};

/**
 * Completes the options.
 *
 * @throws {RangeError} that names the option that cannot be used
 */
export function circuitBreakerRules(options: CircuitBreakerOptions = {}): CircuitBreakerRules {
  const rules = { ...DEFAULTS, ...options };
  const refuseUnless = (name: keyof CircuitBreakerOptions, holds: boolean, expected: string) => {
    if (holds) return;
    throw new RangeError(`Cannot use circuit breaker "${name}": expected ${expected}, found ${rules[name]}`);
  };
  for (const [name, least] of [["failures", 0], ["minRequests", 1], ["probes", 1]] as const) {
    refuseUnless(
      name,
      Number.isSafeInteger(rules[name]) && rules[name] >= least,
      `a whole number >= ${least}`,
    );
  }
  for (const name of ["window", "openFor"] as const) {
    refuseUnless(
      name,
      isTimeout(rules[name]) && rules[name] >= 1,
      `milliseconds from 1 to ${LONGEST_TIMEOUT}`,
    );
  }
  refuseUnless("errorShare", rules.errorShare > 0, "a number > 0");
  return rules;
}

/** Closed: all requests pass. Open: none does. Half-open: probes do. */
export type CircuitState = "closed" | "open" | "half-open";

/** What a {@linkcode CircuitBreaker} tells its group. */
export interface CircuitGroup {
  /** It opened. */
  opened(cause: string): void;
  /** It closed, after `ms` milliseconds and so many probes. */
  closed(ms: number, probes: number): void;
}

/**
 * The circuit breaker of one backend.
 *
 * Every request that was let through is told of by {@linkcode CircuitBreaker.begin}, and its end by exactly one of
 * `succeeded`, `failed` and `abandoned`, with what `begin` gave: so that what a request from before the opening ends with
 * is not taken for a probe's result. A probe whose end is never told of is given up after `openFor`.
 */
export class CircuitBreaker {
  readonly #rules: CircuitBreakerRules;
  readonly #group: CircuitGroup | undefined;
  readonly #now: () => number;
  readonly #counts: SlidingCounts;
  #state: CircuitState = "closed";
  /** Goes up with every change of state; what `begin` gives. */
  #period = 0;
  #inARow = 0;
  #openedAt = 0;
  #firstOpenedAt = 0;
  #probing = 0;
  #passed = 0;
  #probedAt = 0;

  /** A closed one. */
  constructor(rules: CircuitBreakerRules, group?: CircuitGroup, now: () => number = () => performance.now()) {
    this.#rules = rules;
    this.#group = group;
    this.#now = now;
    this.#counts = new SlidingCounts(rules.window);
  }

  /** Its state; an open one becomes half-open when {@linkcode CircuitBreaker.allows} is asked in time. */
  get state(): CircuitState {
    return this.#state;
  }

  /** Whether a request may pass now. */
  allows(now: number): boolean {
    if (this.#state === "closed") return true;
    if (this.#state === "open") {
      if (now < this.#openedAt + this.#rules.openFor) return false;
      this.#enter("half-open");
    }
    if (this.#probing < this.#rules.probes) return true;
    if (now < this.#probedAt + this.#rules.openFor) return false;
    this.#probing = 0;
    return true;
  }

  /** A request passes; what it gives is to be given back at the request's end. */
  begin(): number {
    if (this.#state === "half-open") {
      this.#probing++;
      this.#probedAt = this.#now();
    }
    return this.#period;
  }

  /** A request went well. */
  succeeded(begun: number = this.#period): void {
    if (begun !== this.#period) return;
    if (this.#state === "closed") {
      this.#inARow = 0;
      if (this.#rules.errorShare < 1) this.#counts.add(this.#now(), false);
    } else if (this.#state === "half-open") {
      this.#probing = Math.max(0, this.#probing - 1);
      if (++this.#passed < this.#rules.probes) return;
      const { probes } = this.#rules;
      this.#enter("closed");
      this.#group?.closed(this.#now() - this.#firstOpenedAt, probes);
    }
  }

  /** A request failed. */
  failed(begun: number = this.#period): void {
    if (begun !== this.#period || this.#state === "open") return;
    const now = this.#now();
    if (this.#state === "half-open") return this.#open(now, "a probe failed");
    const { failures, errorShare, minRequests, window } = this.#rules;
    if (++this.#inARow === failures) return this.#open(now, `${failures} failures in a row`);
    if (errorShare >= 1) return;
    this.#counts.add(now, true);
    const { all, failed } = this.#counts.sums(now);
    if (all < minRequests || failed < errorShare * all) return;
    this.#open(now, `${failed} of ${all} requests in ${window / 1000} s failed`);
  }

  /** A request ended in a way that says nothing of the backend: the client left. */
  abandoned(begun: number = this.#period): void {
    if (begun === this.#period && this.#state === "half-open") this.#probing = Math.max(0, this.#probing - 1);
  }

  #open(now: number, cause: string): void {
    if (this.#state === "closed") this.#firstOpenedAt = now;
    this.#openedAt = now;
    this.#enter("open");
    this.#group?.opened(cause);
  }

  #enter(state: CircuitState): void {
    this.#state = state;
    this.#period++;
    this.#probing = this.#passed = this.#inARow = 0;
    this.#counts.clear();
  }
}
