/**
 * Weighted random choice.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import type { Policy, PolicyFactory } from "../policy.ts";
import { type RandomOptions, Sampler } from "./sampler.ts";

/**
 * Chooses by chance, each backend as often as its weight says. It keeps no state, so that many proxies in front of the
 * same backends do not fall into step as they do with round robin; over few requests it is less even.
 *
 * Cost: O(1), one random number from an alias table; up to O(n) when nearly none can be used. Comes from HAProxy's
 * `balance random(1)` and Envoy's `RANDOM`, the table from Walker (1974) and Vose (1991).
 *
 * @example
 * ```ts
 * import { weightedRandom } from "./weighted_random.ts";
 * const policy = weightedRandom();
 * ```
 */
export function weightedRandom(options: RandomOptions = {}): PolicyFactory {
  return () => new WeightedRandom(options);
}

class WeightedRandom implements Policy {
  readonly #sampler: Sampler;

  constructor({ random }: RandomOptions) {
    this.#sampler = new Sampler(random);
  }

  update(backends: readonly Backend[]): void {
    this.#sampler.update(backends);
  }

  pick(usable: (backend: Backend) => boolean): Backend | undefined {
    return this.#sampler.one(usable);
  }
}
