import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../../src/balance/backend.ts";
import { firstAvailable } from "../../../src/balance/policies/first_available.ts";
import { leastRequests } from "../../../src/balance/policies/least_requests.ts";
import { maglev } from "../../../src/balance/policies/maglev.ts";
import { peakEwma } from "../../../src/balance/policies/peak_ewma.ts";
import { ringHash } from "../../../src/balance/policies/ring_hash.ts";
import { roundRobin } from "../../../src/balance/policies/round_robin.ts";
import { weightedRandom } from "../../../src/balance/policies/weighted_random.ts";
import type { PolicyFactory } from "../../../src/balance/policy.ts";
import { any, chance, members, NO_KEY, shares, told } from "../../support/members.ts";

const random = chance(1);
const BALANCING: Record<string, PolicyFactory> = {
  roundRobin: roundRobin(),
  weightedRandom: weightedRandom({ random }),
  "leastRequests of two": leastRequests({ random }),
  "leastRequests of all": leastRequests({ choices: "all", random }),
  peakEwma: peakEwma({ random }),
};
const HASHING: Record<string, PolicyFactory> = {
  ringHash: ringHash({ random }),
  "ringHash with bounded load": ringHash({ random, loadFactor: 1.25 }),
  maglev: maglev({ random }),
};
const ALL = { ...BALANCING, ...HASHING, firstAvailable: firstAvailable() };

/** Weights of all kinds: one, equal, whole, broken, far apart, many. */
const GROUPS: number[][] = [
  [1],
  [0.001],
  [1, 1],
  [3, 1],
  [0.3, 2.5, 0.7],
  [1e-6, 1, 1e6],
  Array.from({ length: 100 }, (_, i) => 1 + i % 7),
  Array.from({ length: 1000 }, () => 1),
];

for (const [name, make] of Object.entries(ALL)) {
  Deno.test(`${name}: an empty group, or one not told of yet, has nothing to pick`, () => {
    for (const choice of [NO_KEY, { key: "k" }]) {
      assertEquals(make().pick(any, choice), undefined);
      assertEquals(told(make, []).pick(any, choice), undefined);
    }
  });

  Deno.test(`${name}: what cannot be used is never picked, and what can be used is always found`, () => {
    for (const weights of GROUPS) {
      const backends = members(weights);
      const policy = told(make, backends);
      for (const share of [0.1, 0.5, 0.9, 0.99, 1]) {
        const down = new Set(backends.filter(() => random() < share));
        for (let i = 0; i < 50; i++) {
          const picked = policy.pick((backend) => !down.has(backend), i % 2 ? NO_KEY : { key: `key ${i}` });
          if (down.size === backends.length) assertEquals(picked, undefined);
          else {assert(
              picked !== undefined && !down.has(picked) && backends.includes(picked),
              `${picked?.label}`,
            );}
        }
      }
    }
  });

  Deno.test(`${name}: of 10,000 backends, the only usable one is found, and none when there is none`, () => {
    for (const weightOf of [() => 1, (i: number) => 1 + i % 3]) {
      const backends = members(Array.from({ length: 10_000 }, (_, i) => weightOf(i)));
      const policy = told(make, backends);
      for (const key of ["a", undefined]) {
        assert(policy.pick((backend) => backend === backends[7_777], { key }) === backends[7_777]);
        assertEquals(policy.pick(() => false, { key }), undefined);
      }
    }
  });

  Deno.test(`${name}: after a change of the group, only its members are asked about and picked`, () => {
    let before = members([1, 2, 3]);
    const policy = told(make, before);
    for (let round = 0; round < 30; round++) {
      const after = round % 5 === 4
        ? []
        : [...before.filter(() => random() < 0.7), ...members([0.5, 1.5]).slice(round % 2)];
      policy.update(after);
      for (let i = 0; i < 20; i++) {
        const picked = policy.pick((backend) => {
          assert(after.includes(backend), "not a member any more");
          return true;
        }, { key: i % 2 ? `${i}` : undefined });
        assertEquals(picked !== undefined, after.length > 0);
      }
      before = after;
    }
  });

  Deno.test(`${name}: a list that its owner changes later does not disturb it`, () => {
    const backends = members([1, 2]);
    const [first] = backends;
    const policy = told(make, backends);
    backends.length = 0;
    assert(policy.pick((backend) => backend === first, NO_KEY) === first);
  });
}

/** Weights by which 100,000 picks are shared out. */
const WEIGHTS: Record<string, number[]> = {
  equal: [1, 1, 1, 1],
  whole: [5, 1, 1, 3],
  broken: [0.5, 1.25, 2.75, 0.1],
  many: Array.from({ length: 50 }, (_, i) => 1 + i % 5),
};

for (const [name, make] of Object.entries({ ...BALANCING, maglev: HASHING.maglev! })) {
  for (const [kind, weights] of Object.entries(WEIGHTS)) {
    Deno.test(`${name}: ${kind} weights are kept within 1 % of all over 100,000 picks`, () => {
      assertShares(make, members(weights), any);
    });
    Deno.test(`${name}: ${kind} weights are kept among those left when some cannot be used`, () => {
      const backends = members(weights);
      assertShares(make, backends, (backend) => backend !== backends[1]);
    });
  }
}

function assertShares(make: PolicyFactory, backends: Backend[], usable: (backend: Backend) => boolean): void {
  const found = shares(told(make, backends), backends, 100_000, usable, (n) => `key ${n}`);
  const total = backends.filter(usable).reduce((sum, { weight }) => sum + weight, 0);
  for (const [i, backend] of backends.entries()) {
    const wanted = usable(backend) ? backend.weight / total : 0;
    assert(Math.abs(found[i]! - wanted) <= 0.01, `${i}: ${found[i]} instead of ${wanted}`);
  }
}
