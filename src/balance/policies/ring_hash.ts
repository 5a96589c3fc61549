/**
 * Consistent hashing on a ring.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import type { Policy, PolicyFactory } from "../policy.ts";
import { crc32 } from "./hash.ts";
import { LoadBound, type LoadChoice } from "./load_bound.ts";
import { RingPoints } from "./ring_points.ts";
import type { RandomOptions } from "./sampler.ts";

/** Points of the ring that may turn out unusable before all backends are looked at. */
const PATIENCE = 64;

/** Settings of {@linkcode ringHash}. */
export interface RingHashOptions extends RandomOptions {
  /** Points on the ring for a weight of 1; nginx has 160. @default {160} */
  pointsPerWeight?: number;
  /**
   * Bounds the load: a backend never gets a request that would put more than `ceil(loadFactor * average)` under way
   * there, the average going by weight; that request goes on along the ring. 1.25 is a good value; the nearer to 1,
   * the more requests leave their backend. @default {none}
   */
  loadFactor?: number;
}

/**
 * Sends requests of the same key to the same backend; when one of n backends leaves or joins, 1/n of the keys move.
 * With whole weights, keys go where nginx's `hash KEY consistent` sends them: ketama points as of Cache::Memcached::Fast.
 * A request whose backend cannot be used goes to the next on the ring; one without key goes anywhere.
 *
 * Cost: O(1), a CRC-32 of the key and one look-up, plus a step for every unusable point; building the ring is
 * O(points), some 20 ms for 1,000 backends. With `loadFactor` every pick also adds up all requests
 * under way, unless the group tells (see `LoadChoice`). Comes from Karger et al. (1997), libketama and nginx;
 * bounded loads from Mirrokni, Thorup and Zadimoghaddam (2017), HAProxy's `hash-balance-factor`.
 *
 * @example
 * ```ts
 * import { ringHash } from "./ring_hash.ts";
 * const policy = ringHash({ loadFactor: 1.25 });
 * ```
 * @throws {RangeError} when an option cannot be used
 */
export function ringHash(options: RingHashOptions = {}): PolicyFactory {
  const { pointsPerWeight = 160, loadFactor = 1 } = options;
  if (!(pointsPerWeight > 0 && pointsPerWeight < Infinity)) {
    throw new RangeError(
      `Cannot use "pointsPerWeight" of ringHash: expected a number > 0, found ${pointsPerWeight}`,
    );
  }
  if (!(loadFactor >= 1)) {
    throw new RangeError(`Cannot use "loadFactor" of ringHash: expected a number >= 1, found ${loadFactor}`);
  }
  return () => new RingHash({ ...options, pointsPerWeight });
}

class RingHash implements Policy {
  readonly #random: () => number;
  readonly #pointsPerWeight: number;
  readonly #bound: LoadBound | undefined;
  #backends: readonly Backend[] = [];
  #weights: readonly number[] = [];
  #ring = new RingPoints([], 1);

  constructor({ random = Math.random, pointsPerWeight = 160, loadFactor }: RingHashOptions) {
    this.#random = random;
    this.#pointsPerWeight = pointsPerWeight;
    this.#bound = loadFactor === undefined ? undefined : new LoadBound(loadFactor);
  }

  update(backends: readonly Backend[]): void {
    const before = this.#backends;
    const isSame = backends.length === before.length &&
      backends.every((backend, i) => backend === before[i] && backend.weight === this.#weights[i]);
    if (isSame) return;
    this.#backends = [...backends];
    this.#weights = backends.map(({ weight }) => weight);
    this.#ring = new RingPoints(backends, this.#pointsPerWeight);
    this.#bound?.update(this.#backends);
  }

  pick(usable: (backend: Backend) => boolean, choice: LoadChoice): Backend | undefined {
    const { owners } = this.#ring;
    if (owners.length === 0) return undefined;
    const hash = choice.key === undefined ? Math.floor(this.#random() * 2 ** 32) : crc32(choice.key);
    const start = this.#ring.find(hash);
    this.#bound?.begin(usable, choice);
    const near = this.#walk(start, Math.min(PATIENCE, owners.length), usable);
    if (near !== undefined) return near;
    // Before the long way: is there anybody at all?
    if (!(this.#bound?.recount(usable) ?? this.#backends.some(usable))) return undefined;
    return this.#walk(start, owners.length, usable);
  }

  #walk(at: number, steps: number, usable: (backend: Backend) => boolean): Backend | undefined {
    const { owners } = this.#ring;
    const bound = this.#bound;
    for (; steps > 0; steps--, at++) {
      if (at === owners.length) at = 0;
      const backend = this.#backends[owners[at]!]!;
      if ((bound === undefined || bound.hasRoom(backend)) && usable(backend)) return backend;
    }
    return undefined;
  }
}
