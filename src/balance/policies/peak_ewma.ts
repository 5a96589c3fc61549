/**
 * Latency, as a moving average that heeds peaks at once.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import type { Policy, PolicyFactory } from "../policy.ts";
import { type RandomOptions, Sampler } from "./sampler.ts";

/** After how long an answer's weight in the average has fallen to 37 %, in milliseconds. */
export const EWMA_DECAY = 10_000;
/** What a failure counts as at least and at most, in milliseconds. */
const FAILURE = { least: 100, most: 60_000 };
/** The cost of a backend that works on its first request and has not answered yet, in milliseconds. */
const UNKNOWN = 1e9;

/** Settings of {@linkcode peakEwma}. */
export interface PeakEwmaOptions extends RandomOptions {
  /** After how long an answer's weight in the average has fallen to 37 %, in milliseconds. @default {10_000} */
  decay?: number;
  /** The clock, in milliseconds. @default {() => performance.now()} */
  now?: () => number;
}

/**
 * Chooses, of two backends drawn by weight, the one that is likely to answer sooner: the average time of its answers,
 * times the requests it would then work on. The average jumps up to a slow answer at once and comes down by and by, also
 * without answers, so that a backend that was slow is tried again. One that has never answered gets one request at a time.
 *
 * Whoever sees the answers has to call {@linkcode observeLatency}.
 *
 * Cost: O(1), two random numbers, the clock and two exponentials. Comes from Finagle's Peak EWMA (`p2c` and
 * `PeakEwma`), which Linkerd uses as well.
 *
 * @example
 * ```ts
 * import { peakEwma } from "./peak_ewma.ts";
 * const policy = peakEwma({ decay: 5_000 });
 * ```
 * @throws {RangeError} when `decay` is not a positive number
 */
export function peakEwma(options: PeakEwmaOptions = {}): PolicyFactory {
  const { decay = EWMA_DECAY } = options;
  if (!(decay > 0 && decay < Infinity)) {
    throw new RangeError(`Cannot use "decay" of peakEwma: expected milliseconds > 0, found ${decay}`);
  }
  return () => new PeakEwma({ ...options, decay });
}

/**
 * Takes an answer into the average of its backend.
 *
 * A failure counts as twice the average, and as no less than 100 ms: otherwise a backend that fails fast would look
 * like the best of all.
 *
 * @param latency From the request to the response's head, in milliseconds.
 * @param now When the answer came, on the clock of the policy.
 * @param decay As in {@linkcode PeakEwmaOptions}.
 */
export function observeLatency(
  backend: Backend,
  latency: number,
  now: number,
  { decay = EWMA_DECAY, failed = false }: { decay?: number; failed?: boolean } = {},
): void {
  const { ewma } = backend;
  if (failed) latency = Math.max(latency, Math.min(Math.max(2 * ewma, FAILURE.least), FAILURE.most));
  // Of what it was, as much is left as the time since the last answer lets; a peak leaves nothing of it.
  const rest = latency >= ewma ? 0 : Math.exp((backend.ewmaAt - now) / decay);
  backend.ewma = latency + (ewma - latency) * rest;
  backend.ewmaAt = now;
}

class PeakEwma implements Policy {
  readonly #sampler: Sampler;
  readonly #decay: number;
  readonly #now: () => number;
  #meanWeight = 1;

  constructor({ random, decay = EWMA_DECAY, now = () => performance.now() }: PeakEwmaOptions) {
    this.#sampler = new Sampler(random);
    this.#decay = decay;
    this.#now = now;
  }

  update(backends: readonly Backend[]): void {
    this.#sampler.update(backends);
    this.#meanWeight = backends.reduce((sum, { weight }) => sum + weight, 0) / backends.length;
  }

  pick(usable: (backend: Backend) => boolean): Backend | undefined {
    const first = this.#sampler.one(usable);
    const second = first && this.#sampler.other(usable, first);
    if (first === undefined || second === undefined) return first;
    const now = this.#now();
    return this.#cost(second, now) < this.#cost(first, now) ? second : first;
  }

  /** Weights go into the draw already; here they say how much a request under way means. */
  #cost({ ewma, ewmaAt, inFlight, weight }: Backend, now: number): number {
    const load = inFlight * this.#meanWeight / weight;
    if (ewma === 0) return load === 0 ? 0 : UNKNOWN * (1 + load);
    return ewma * Math.exp((ewmaAt - now) / this.#decay) * (1 + load);
  }
}
