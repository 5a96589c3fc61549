/**
 * What a group learns of the requests to one of its backends.
 *
 * @module
 */
import type { ProxyError } from "../http/errors.ts";
import type { AttemptObserver, PeerObserver } from "../upstream/peer_observer.ts";
import type { Backend } from "./backend.ts";
import { observeLatency } from "./policies/peak_ewma.ts";

/** What the attempts on a group's backends add up to. */
export interface ObservedGroup {
  /** An attempt has begun. */
  begun(): void;
  /** An attempt is over: there is room for another. */
  ended(): void;
  /** Whether another attempt may be made after a failure; if so, it is counted. */
  mayRetry(): boolean;
}

/** Keeps a backend's counts, latency, passive checks and breaker up to date. */
export class BackendObserver implements PeerObserver {
  readonly #backend: Backend;
  readonly #group: ObservedGroup;

  /** Watches a backend of the group. */
  constructor(backend: Backend, group: ObservedGroup) {
    this.#backend = backend;
    this.#group = group;
  }

  /** An attempt begins. */
  begin(): AttemptObserver {
    return new Attempt(this.#backend, this.#group);
  }
}

class Attempt implements AttemptObserver {
  readonly #backend: Backend;
  readonly #group: ObservedGroup;
  readonly #circuit: number | undefined;
  #judged = false;

  constructor(backend: Backend, group: ObservedGroup) {
    this.#backend = backend;
    this.#group = group;
    backend.inFlight++;
    backend.requests++;
    group.begun();
    this.#circuit = backend.breaker?.begin();
  }

  /** A status of 500 or more is a failure of the backend. */
  answered(status: number, ms: number): void {
    const { breaker, outlier } = this.#backend;
    observeLatency(this.#backend, ms, performance.now());
    outlier?.succeeded(ms, status);
    this.#judged = true;
    if (status < 500) return breaker?.succeeded(this.#circuit);
    this.#backend.failures++;
    breaker?.failed(this.#circuit);
  }

  failed(error: ProxyError): void {
    const { breaker, outlier } = this.#backend;
    outlier?.failed(error);
    this.#backend.failures++;
    if (!this.#judged) breaker?.failed(this.#circuit);
    this.#judged = true;
  }

  mayRetry(): boolean {
    return this.#group.mayRetry();
  }

  end(): void {
    this.#backend.inFlight--;
    if (!this.#judged) this.#backend.breaker?.abandoned(this.#circuit);
    this.#group.ended();
  }
}
