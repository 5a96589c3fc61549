/**
 * Round robin.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import type { Policy, PolicyFactory } from "../policy.ts";
import { EarliestDeadline } from "./earliest_deadline.ts";

/** The most backends of unequal weights that are all looked at for every pick. */
const FEW = 32;

/**
 * Takes the backends in turn, those of a higher weight more often, and evenly spread rather than several times in a row:
 * weights 5, 1, 1 give a a b a c a a.
 *
 * Cost: equal weights O(1); up to 32 backends of unequal weights O(n), as in nginx; more of them O(log n). Backends that
 * cannot be used cost a step each. Comes from nginx's smooth weighted round robin (2012) for few backends and from the
 * earliest-deadline-first scheduler of Envoy for many.
 *
 * @example
 * ```ts
 * import { roundRobin } from "./round_robin.ts";
 * const policy = roundRobin();
 * ```
 */
export function roundRobin(): PolicyFactory {
  return () => new RoundRobin();
}

/** Round robin in the way that suits the backends; a change of them that keeps the way keeps the turns. */
class RoundRobin implements Policy {
  #way: Policy = new Turns();

  update(backends: readonly Backend[]): void {
    const isEqual = backends.every(({ weight }) => weight === backends[0]!.weight);
    const Way = isEqual ? Turns : backends.length <= FEW ? SmoothTurns : EarliestDeadline;
    if (!(this.#way instanceof Way)) this.#way = new Way();
    this.#way.update(backends);
  }

  pick(usable: (backend: Backend) => boolean): Backend | undefined {
    return this.#way.pick(usable, NO_KEY);
  }
}

const NO_KEY = { key: undefined };

/** Backends of equal weight, one after the other. */
class Turns implements Policy {
  #backends: readonly Backend[] = [];
  #next = 0;

  update(backends: readonly Backend[]): void {
    const last = this.#backends[this.#next - 1];
    const at = last === undefined ? -1 : backends.indexOf(last);
    if (at >= 0) this.#next = at + 1;
    else if (this.#next > backends.length) this.#next = 0;
    this.#backends = [...backends];
  }

  pick(usable: (backend: Backend) => boolean): Backend | undefined {
    const backends = this.#backends;
    const n = backends.length;
    let at = this.#next;
    for (let i = 0; i < n; i++, at++) {
      if (at >= n) at = 0;
      const backend = backends[at]!;
      if (!usable(backend)) continue;
      this.#next = at + 1;
      return backend;
    }
    return undefined;
  }
}

/** Few backends of unequal weights: every pick credits each with its weight, and the richest pays for all. */
class SmoothTurns implements Policy {
  #backends: readonly Backend[] = [];
  #credits = new Float64Array(0);

  update(backends: readonly Backend[]): void {
    const known = new Map(this.#backends.map((backend, i) => [backend, this.#credits[i]!]));
    this.#credits = Float64Array.from(backends, (backend) => known.get(backend) ?? 0);
    this.#backends = [...backends];
  }

  pick(usable: (backend: Backend) => boolean): Backend | undefined {
    const backends = this.#backends;
    const credits = this.#credits;
    let total = 0;
    let best = -1;
    for (let i = 0; i < backends.length; i++) {
      const backend = backends[i]!;
      if (!usable(backend)) continue;
      total += backend.weight;
      credits[i]! += backend.weight;
      if (best < 0 || credits[i]! > credits[best]!) best = i;
    }
    if (best < 0) return undefined;
    credits[best]! -= total;
    return backends[best];
  }
}
