/**
 * What counts alone do not tell of backends: how fast they rise, and how latency has been of late.
 *
 * @module
 */
import type { Backend } from "../balance/backend.ts";
import type { LoadBalancer } from "../balance/load_balancer.ts";

/** How often backends are looked at, in milliseconds. */
const EVERY = 5_000;
/** How many looks are remembered: three minutes. */
const KEPT = 36;

/** What was seen of a backend. */
export class Samples {
  /** Attempts a second, between the last two looks. */
  rate = 0;
  /** Share of the attempts between the last two looks that failed, from 0 to 1. */
  failing = 0;
  /** Average latency at each look, in milliseconds, the oldest first. */
  readonly latencies: number[] = [];
  #requests: number;
  #failures: number;

  /** Begins with what is counted by now. */
  constructor({ requests, failures }: Backend) {
    this.#requests = requests;
    this.#failures = failures;
  }

  /** Looks again, so many milliseconds after the last time. */
  look({ requests, failures, ewma }: Backend, ms: number): void {
    const more = requests - this.#requests;
    this.rate = more / (ms / 1_000);
    this.failing = more > 0 ? Math.min(1, (failures - this.#failures) / more) : 0;
    this.#requests = requests;
    this.#failures = failures;
    this.latencies.push(ewma);
    if (this.latencies.length > KEPT) this.latencies.shift();
  }
}

/** Looks at the backends of all groups every few seconds. */
export class Sampler {
  readonly #groups: () => readonly LoadBalancer[];
  readonly #samples = new WeakMap<Backend, Samples>();
  readonly #timer: ReturnType<typeof setInterval>;
  #lookedAt = performance.now();

  /** Starts looking; `groups` is asked for the groups anew every time. */
  constructor(groups: () => readonly LoadBalancer[]) {
    this.#groups = groups;
    this.#timer = setInterval(() => this.look(), EVERY);
  }

  /** What was seen of a backend so far. */
  of(backend: Backend): Samples {
    let samples = this.#samples.get(backend);
    if (samples === undefined) this.#samples.set(backend, samples = new Samples(backend));
    return samples;
  }

  /** Looks now. */
  look(now: number = performance.now()): void {
    const ms = now - this.#lookedAt;
    if (ms <= 0) return;
    this.#lookedAt = now;
    for (const { backends } of this.#groups()) {
      for (const backend of backends) this.of(backend).look(backend, ms);
    }
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
  }
}
