import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../../src/balance/backend.ts";
import { roundRobin } from "../../../src/balance/policies/round_robin.ts";
import type { Policy } from "../../../src/balance/policy.ts";
import { any, members, NO_KEY, told } from "../../support/members.ts";

function sequence(
  policy: Policy,
  backends: readonly Backend[],
  n: number,
  usable = any as (b: Backend) => boolean,
) {
  return Array.from({ length: n }, () => "abcdefgh"[backends.indexOf(policy.pick(usable, NO_KEY)!)]).join("");
}

Deno.test("backends of equal weight take turns", () => {
  const backends = members([2.5, 2.5, 2.5]);
  assertEquals(sequence(told(roundRobin(), backends), backends, 7), "abcabca");
});

Deno.test("weights 5, 1, 1 give the order of nginx, and do so again and again", () => {
  const backends = members([5, 1, 1]);
  assertEquals(sequence(told(roundRobin(), backends), backends, 21), "aabacaa".repeat(3));
});

Deno.test("the turn of one that cannot be used does not always go to its neighbour", () => {
  const backends = members(4);
  const policy = told(roundRobin(), backends);
  assertEquals(sequence(policy, backends, 6, (backend) => backend !== backends[1]), "acdacd");
  assertEquals(sequence(policy, backends, 4), "abcd");
});

Deno.test("a change of the group keeps the turns of those that stay", () => {
  const backends = members(4);
  const policy = told(roundRobin(), backends);
  assertEquals(sequence(policy, backends, 2), "ab");
  policy.update([backends[3]!, backends[1]!, backends[2]!]);
  assertEquals(sequence(policy, backends, 4), "cdbc");
  const weighted = members([5, 1, 1]);
  const smooth = told(roundRobin(), weighted);
  assertEquals(sequence(smooth, weighted, 3), "aab");
  smooth.update([...weighted]);
  assertEquals(sequence(smooth, weighted, 4), "acaa");
});

/** The longest and the shortest way from one turn of a backend to its next. */
function gaps(
  policy: Policy,
  backend: Backend,
  picks: number,
): { least: number; most: number; turns: number } {
  let last = -1;
  let turns = 0;
  let least = Infinity;
  let most = 0;
  for (let n = 0; n < picks; n++) {
    if (policy.pick(any, NO_KEY) !== backend) continue;
    if (last >= 0) [least, most] = [Math.min(least, n - last), Math.max(most, n - last)];
    last = n;
    turns++;
  }
  return { least, most, turns };
}

Deno.test("among many backends a heavy one has its turns evenly spread, from the first round on", () => {
  const backends = members([100, ...Array<number>(900).fill(1)]);
  const { least, most, turns } = gaps(told(roundRobin(), backends), backends[0]!, 10_000);
  assertEquals(turns, 1000);
  assert(least >= 8 && most <= 12, `its turns are ${least} to ${most} picks apart, not about 10`);
});

Deno.test("among many backends each has exactly its share in every round", () => {
  const backends = members(Array.from({ length: 1000 }, (_, i) => 1 + i % 4));
  const policy = told(roundRobin(), backends);
  const counts = new Map<Backend, number>();
  for (let n = 0; n < 2500 * 8; n++) {
    const picked = policy.pick(any, NO_KEY)!;
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  for (const backend of backends) {
    const turns = counts.get(backend) ?? 0;
    assert(Math.abs(turns - 8 * backend.weight) <= 1, `${turns} turns for weight ${backend.weight}`);
  }
});

Deno.test("one of many that was the only usable one for long is not left out for as long afterwards", () => {
  const backends = members(Array.from({ length: 100 }, (_, i) => 1 + i % 2));
  const policy = told(roundRobin(), backends);
  for (let n = 0; n < 10_000; n++) assert(policy.pick((b) => b === backends[50], NO_KEY) === backends[50]);
  const { turns } = gaps(policy, backends[50]!, 1500);
  assert(Math.abs(turns - 10) <= 1, `${turns} turns in 10 rounds`);
});

Deno.test("a change of many keeps the turns of those that stay", () => {
  const backends = members(Array.from({ length: 100 }, (_, i) => 1 + i % 2));
  const policy = told(roundRobin(), backends);
  const counts = new Map<Backend, number>();
  for (let n = 0; n < 1500; n++) {
    policy.update(n % 7 ? backends : [...backends].reverse());
    const picked = policy.pick(any, NO_KEY)!;
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  for (const backend of backends) {
    assert(Math.abs(counts.get(backend)! - 10 * backend.weight) <= 1, `${counts.get(backend)} turns`);
  }
});
