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
  /** Its place in the order of all tiers that there could be. */
  readonly rank: number;
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
    const before = new Map(this.#tiers.map(({ rank, policy }) => [rank, policy]));
    this.#tiers = [...byRank.keys()].sort((a, b) => a - b).map((rank) => {
      const policy = before.get(rank) ?? this.#makePolicy();
      const members = byRank.get(rank)!;
      policy.update(members);
      return { backends: members, policy, rank };
    });
  }

  /** The choice of the first tier that has one; where it has none of the usable, of those that `otherwise` accepts. */
  pick(
    usable: (backend: Backend) => boolean,
    choice: Choice,
    otherwise?: (backend: Backend) => boolean,
  ): Backend | undefined {
    for (const { policy } of this.#tiers) {
      const backend = policy.pick(usable, choice) ?? (otherwise && policy.pick(otherwise, choice));
      if (backend !== undefined) return backend;
    }
    return undefined;
  }

  /** The tiers, best first. */
  get all(): readonly Tier[] {
    return this.#tiers;
  }
}
