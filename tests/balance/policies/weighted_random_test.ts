import { assert, assertEquals } from "@std/assert";
import { weightedRandom } from "../../../src/balance/policies/weighted_random.ts";
import { any, chance, members, NO_KEY, shares, told } from "../../support/members.ts";

Deno.test("the same seed gives the same choices", () => {
  const backends = members([1, 2, 3]);
  const choices = () => {
    const policy = told(weightedRandom({ random: chance(5) }), backends);
    return Array.from({ length: 50 }, () => backends.indexOf(policy.pick(any, NO_KEY)!)).join("");
  };
  assertEquals(choices(), choices());
});

Deno.test("when nearly none can be used, those left are still chosen by weight", () => {
  const backends = members(Array.from({ length: 5000 }, (_, i) => 1 + i % 3));
  const left = new Set([backends[3], backends[10], backends[4001]]); // weights 1, 2 and 3
  const policy = told(weightedRandom({ random: chance(6) }), backends);
  const found = shares(policy, backends, 4000, (backend) => left.has(backend));
  for (const [place, wanted] of [[3, 1 / 6], [10, 2 / 6], [4001, 3 / 6]] as const) {
    assert(Math.abs(found[place]! - wanted) < 0.04, `${found[place]} instead of ${wanted}`);
  }
});

Deno.test("random numbers at both ends of their range do no harm", () => {
  const backends = members([1, 2, 3, 0.1]);
  for (const number of [0, 1 - 2 ** -53]) {
    const policy = told(weightedRandom({ random: () => number }), backends);
    assert(backends.includes(policy.pick(any, NO_KEY)!));
    assert(policy.pick((backend) => backend === backends[3], NO_KEY) === backends[3]);
  }
});
