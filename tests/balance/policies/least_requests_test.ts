import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Backend } from "../../../src/balance/backend.ts";
import { leastRequests } from "../../../src/balance/policies/least_requests.ts";
import type { Policy } from "../../../src/balance/policy.ts";
import { any, chance, members, NO_KEY, shares, told } from "../../support/members.ts";

/** Puts `n` requests under way, of which each lasts until `n - lasting` others came. */
function load(policy: Policy, n: number, lasting: number): void {
  const under: Backend[] = [];
  for (let i = 0; i < n; i++) {
    const backend = policy.pick(any, NO_KEY)!;
    backend.inFlight++;
    under.push(backend);
    if (under.length > lasting) under.shift()!.inFlight--;
  }
}

Deno.test("of two, the one with fewer requests under way is preferred", () => {
  const backends = members(2);
  backends[0]!.inFlight = 5;
  const found = shares(told(leastRequests({ random: chance(1) }), backends), backends, 10_000);
  assert(found[1]! > 0.99, `${found}`);
});

Deno.test("of many, the busiest is never preferred to another", () => {
  const backends = members(10);
  for (const [i, backend] of backends.entries()) backend.inFlight = i;
  const found = shares(told(leastRequests({ random: chance(2) }), backends), backends, 100_000);
  for (let i = 1; i < 10; i++) assert(found[i]! < found[i - 1]! + 0.01, `${found}`);
  assert(found[9]! < 0.001 && found[0]! > 0.15, `${found}`);
});

Deno.test("two choices keep the fullest backend near the average, where chance alone does not", () => {
  const backends = members(100);
  load(told(leastRequests({ random: chance(3) }), backends), 20_000, 1000);
  const most = Math.max(...backends.map(({ inFlight }) => inFlight));
  assert(most <= 14, `${most} under way, 10 on average`);
});

Deno.test("requests under way follow the weights", () => {
  for (const choices of [2, "all"] as const) {
    const backends = members([1, 2, 3, 4]);
    load(told(leastRequests({ choices, random: chance(4) }), backends), 20_000, 1000);
    for (const { weight, inFlight } of backends) {
      assert(Math.abs(inFlight - weight * 100) <= 20, `weight ${weight} has ${inFlight} under way`);
    }
  }
});

Deno.test("of all, the one with the fewest in relation to its weight is found", () => {
  const backends = members(Array.from({ length: 500 }, (_, i) => 1 + i % 5));
  for (const backend of backends) backend.inFlight = 20 * backend.weight;
  backends[404]!.inFlight = 99; // weight 5
  const policy = told(leastRequests({ choices: "all", random: chance(5) }), backends);
  for (let i = 0; i < 20; i++) assert(policy.pick(any, NO_KEY) === backends[404]);
  assert(policy.pick((backend) => backend !== backends[404], NO_KEY) !== undefined);
});

Deno.test("of all, idle ones among busy ones take turns", () => {
  const backends = members(6);
  for (const i of [0, 2, 4]) backends[i]!.inFlight = 3;
  const found = shares(
    told(leastRequests({ choices: "all", random: chance(6) }), backends),
    backends,
    30_000,
  );
  assertEquals([found[0], found[2], found[4]], [0, 0, 0]);
  for (const i of [1, 3, 5]) assert(Math.abs(found[i]! - 1 / 3) < 0.02, `${found}`);
});

Deno.test("a number of choices that there is not is refused", () => {
  assertThrows(() => leastRequests({ choices: 3 as 2 }), RangeError, 'expected 2 or "all", found 3');
});
