/**
 * What a group learns of the requests to one of its backends.
 *
 * @module
 */
import type { ProxyError } from "../http/errors.ts";
import { Quantiles } from "../observe/histogram.ts";
import type { AttemptObserver, PeerObserver } from "../upstream/peer_observer.ts";
import type { Backend } from "./backend.ts";
import { observeLatency } from "./policies/peak_ewma.ts";

/** What the attempts on a group's backends add up to. */
export interface ObservedGroup {
  /** An attempt on that backend has begun, the first of its request or a later one. */
  begun(backend: Backend, isFirst: boolean): void;
  /** An attempt is over: there is room for another. */
  ended(): void;
  /** Whether another attempt may be made after a failure; if so, it is counted. */
  mayRetry(): boolean;
}

/** Keeps a backend's counts, latency, passive checks and breaker up to date. */
export class BackendObserver implements PeerObserver {
  /** The backend that it watches. */
  readonly backend: Backend;
  /** The group that it watches for. */
  readonly group: ObservedGroup;

  /** Watches a backend of the group. */
  constructor(backend: Backend, group: ObservedGroup) {
    this.backend = backend;
    this.group = group;
  }

  /** An attempt begins. */
  begin(isFirst: boolean): AttemptObserver {
    return new Attempt(this.backend, this.group, isFirst);
  }
}

class Attempt implements AttemptObserver {
  readonly #backend: Backend;
  readonly #group: ObservedGroup;
  readonly #circuit: number | undefined;
  readonly #begunAt = performance.now();
  #judged = false;
  #failed = false;

  constructor(backend: Backend, group: ObservedGroup, isFirst: boolean) {
    this.#backend = backend;
    this.#group = group;
    backend.inFlight++;
    backend.requests++;
    group.begun(backend, isFirst);
    this.#circuit = backend.breaker?.begin();
  }

  /** A status of 500 or more is a failure of the backend. */
  answered(status: number, ms: number): void {
    const { breaker, outlier } = this.#backend;
    observeLatency(this.#backend, ms, performance.now(), { failed: status >= 500 });
    (this.#backend.times ??= new Quantiles()).add(ms);
    outlier?.succeeded(ms, status);
    this.#judged = true;
    if (status < 500) return breaker?.succeeded(this.#circuit);
    this.#countFailure();
    breaker?.failed(this.#circuit);
  }

  failed(error: ProxyError): void {
    const { breaker, outlier } = this.#backend;
    outlier?.failed(error);
    this.#countFailure();
    if (this.#judged) return;
    this.#judged = true;
    breaker?.failed(this.#circuit);
    const now = performance.now();
    observeLatency(this.#backend, now - this.#begunAt, now, { failed: true });
  }

  mayRetry(): boolean {
    return this.#group.mayRetry();
  }

  end(): void {
    this.#backend.inFlight--;
    if (!this.#judged) this.#backend.breaker?.abandoned(this.#circuit);
    this.#group.ended();
  }

  /** An answer of status 500 that breaks off is one failure. */
  #countFailure(): void {
    if (!this.#failed) this.#backend.failures++;
    this.#failed = true;
  }
}
