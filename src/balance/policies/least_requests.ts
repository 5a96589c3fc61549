/**
 * Least requests under way.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import type { Policy, PolicyFactory } from "../policy.ts";
import { type RandomOptions, Sampler } from "./sampler.ts";

/** Settings of {@linkcode leastRequests}. */
export interface LeastRequestsOptions extends RandomOptions {
  /**
   * How many backends are compared: two drawn by weight, or all. Two are nearly as even as all, cost the same however
   * many backends there are, and do not send every proxy's next request to the same idle backend. @default {2}
   */
  choices?: 2 | "all";
}

/**
 * Chooses the backend with the fewest requests under way, in relation to its weight. Among equals, and so when all are
 * idle, weights decide.
 *
 * Cost: with two choices O(1), two random numbers; with `"all"` O(n), as every usable backend is looked at until an
 * idle one is found: some 100 microseconds for 10,000 busy backends. Comes from nginx's `least_conn` and HAProxy's
 * `leastconn` (all), nginx's `random two least_conn` and Envoy's `LEAST_REQUEST` (two); why two are enough: Mitzenmacher,
 * "The Power of Two Choices in Randomized Load Balancing" (2001).
 *
 * @example
 * ```ts
 * import { leastRequests } from "./least_requests.ts";
 * const policy = leastRequests();
 * ```
 * @throws {RangeError} when `choices` is neither 2 nor `"all"`
 */
export function leastRequests(options: LeastRequestsOptions = {}): PolicyFactory {
  const { choices = 2, random } = options;
  if (choices !== 2 && choices !== "all") {
    throw new RangeError(`Cannot use "choices" of leastRequests: expected 2 or "all", found ${choices}`);
  }
  return () => choices === 2 ? new LeastOfTwo({ random }) : new LeastOfAll({ random });
}

/** Requests under way, for one unit of weight. */
function loadOf(backend: Backend): number {
  return backend.inFlight / backend.weight;
}

interface Chance {
  random: RandomOptions["random"] | undefined;
}

class LeastOfTwo implements Policy {
  readonly #sampler: Sampler;

  constructor({ random }: Chance) {
    this.#sampler = new Sampler(random);
  }

  update(backends: readonly Backend[]): void {
    this.#sampler.update(backends);
  }

  pick(usable: (backend: Backend) => boolean): Backend | undefined {
    const first = this.#sampler.one(usable);
    // Less than idle is not possible.
    if (first === undefined || first.inFlight === 0) return first;
    const second = this.#sampler.other(usable, first);
    return second !== undefined && loadOf(second) < loadOf(first) ? second : first;
  }
}

class LeastOfAll implements Policy {
  readonly #random: () => number;
  readonly #sampler: Sampler;
  #backends: readonly Backend[] = [];

  constructor({ random }: Chance) {
    this.#random = random ?? Math.random;
    this.#sampler = new Sampler(random);
  }

  update(backends: readonly Backend[]): void {
    this.#backends = [...backends];
    this.#sampler.update(backends);
  }

  /** One drawn by weight, unless another has less to do: the search begins anywhere, so that equals take turns. */
  pick(usable: (backend: Backend) => boolean): Backend | undefined {
    const backends = this.#backends;
    const n = backends.length;
    let best = this.#sampler.one(usable);
    if (best === undefined) return undefined;
    let least = loadOf(best);
    let at = Math.floor(this.#random() * n);
    for (let i = 0; i < n && least > 0; i++, at++) {
      const backend = backends[at < n ? at : at - n]!;
      const load = loadOf(backend);
      if (load < least && usable(backend)) [best, least] = [backend, load];
    }
    return best;
  }
}
