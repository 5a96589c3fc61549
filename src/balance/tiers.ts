/**
 * The order in which a group's backends are considered: priorities first, the group's own zone before others.
 *
 * @module
 */
import type { Backend } from "./backend.ts";
import type { Choice, Policy, PolicyFactory } from "./policy.ts";

/** Backends that are as good as each other, with the policy that spreads requests over them. */
export interface Tier {
  /** Its members, those without weight left out. */
  readonly backends: readonly Backend[];
  /** Its own policy. */
  readonly policy: Policy;
}

/** The tiers of a group, best first. */
export class Tiers {
  #tiers: Tier[] = [];
  readonly #makePolicy: PolicyFactory;
  readonly #zone: string | undefined;

  /** Empty. `zone` is where the proxy itself stands. */
  constructor(makePolicy: PolicyFactory, zone: string | undefined) {
    this.#makePolicy = makePolicy;
    this.#zone = zone;
  }

  /** Sorts the backends into tiers. A tier that stays keeps its policy's state. */
  update(backends: readonly Backend[]): void {
    const byRank = new Map<number, Backend[]>();
    for (const backend of backends) {
      if (backend.weight === 0) continue;
      const isNear = this.#zone === undefined || backend.zone === this.#zone;
      const rank = 2 * backend.priority + (isNear ? 0 : 1);
      const tier = byRank.get(rank);
      if (tier === undefined) byRank.set(rank, [backend]);
      else tier.push(backend);
    }
    const before = this.#tiers;
    this.#tiers = [...byRank.keys()].sort((a, b) => a - b).map((rank, i) => {
      const policy = before[i]?.policy ?? this.#makePolicy();
      const members = byRank.get(rank)!;
      policy.update(members);
      return { backends: members, policy };
    });
  }

  /** The choice of the first tier that has one. */
  pick(usable: (backend: Backend) => boolean, choice: Choice): Backend | undefined {
    for (const { policy } of this.#tiers) {
      const backend = policy.pick(usable, choice);
      if (backend !== undefined) return backend;
    }
    return undefined;
  }

  /** The tier that counts when none is healthy enough. */
  get first(): Tier | undefined {
    return this.#tiers[0];
  }
}
