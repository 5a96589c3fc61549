import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { maglev } from "../../../src/balance/policies/maglev.ts";
import { fillTable } from "../../../src/balance/policies/maglev_table.ts";
import { any, chance, members, shares, told } from "../../support/members.ts";

const KEYS = Array.from({ length: 20_000 }, (_, i) => `key ${i}`);

Deno.test("when a backend leaves or joins, 1/n of the keys move, and hardly any other", () => {
  for (const n of [5, 20, 100]) {
    const backends = members(n);
    const policy = told(maglev(), backends);
    const places = () => KEYS.map((key) => policy.pick(any, { key })!);
    const before = places();
    policy.update(backends.filter((_, i) => i !== 2));
    const without = places();
    const moved = before.filter((backend, i) => backend !== without[i]).length / KEYS.length;
    assertLess(moved, 1 / n + 0.02);
    policy.update(backends);
    assertEquals(places().filter((backend, i) => backend !== before[i]).length, 0, "all come back");
  }
});

Deno.test("a key stays at its backend, though the group is in another order", () => {
  const backends = members(20);
  const one = told(maglev(), backends);
  const two = told(maglev(), [...backends].reverse());
  const moved = KEYS.filter((key) => one.pick(any, { key }) !== two.pick(any, { key })).length / KEYS.length;
  assertLess(moved, 0.05);
});

Deno.test("keys of one that cannot be used are spread over all others, each always to the same", () => {
  const backends = members(10);
  const policy = told(maglev(), backends);
  const usable = (backend: unknown) => backend !== backends[4];
  const counts = backends.map(() => 0);
  for (const key of KEYS) {
    const before = policy.pick(any, { key })!;
    const after = policy.pick(usable, { key })!;
    if (before !== backends[4]) assert(after === before, "another's key moved");
    else counts[backends.indexOf(after)]!++;
    assert(policy.pick(usable, { key }) === after);
  }
  const moved = counts.reduce((sum, count) => sum + count);
  for (const [i, count] of counts.entries()) {
    if (i !== 4) assert(Math.abs(count / moved - 1 / 9) < 0.03, `${counts}`);
  }
});

Deno.test("every slot is filled, and the slots of a backend are its weight's share to the last", () => {
  for (
    const [weights, size] of [[[1, 1, 1], 7], [[5, 1, 1], 7], [[0.3, 0.6], 65_537], [
      [1e9, 1, 1e-9],
      101,
    ]] as const
  ) {
    const table = fillTable(members(weights), size);
    const total = weights.reduce<number>((sum, weight) => sum + weight, 0);
    for (const [place, weight] of weights.entries()) {
      const slots = table.filter((owner) => owner === place).length;
      assertGreater(slots, 0);
      assert(Math.abs(slots - size * weight / total) <= weights.length, `${slots} of ${size} for ${weight}`);
    }
    assertEquals(table.filter((owner) => owner >= weights.length).length, 0);
  }
});

Deno.test("requests without a key are spread", () => {
  const backends = members(4);
  for (const share of shares(told(maglev({ random: chance(1) }), backends), backends, 4000)) {
    assert(Math.abs(share - 0.25) < 0.03, `${share}`);
  }
});

Deno.test("a group that outgrows its table gets a larger one, and does not change it when it shrinks", () => {
  const backends = members(20);
  const policy = told(maglev({ tableSize: 13 }), backends);
  assert(backends.every((wanted) => policy.pick((backend) => backend === wanted, { key: "k" }) === wanted));
  const large = members(700);
  const grown = told(maglev(), large);
  const before = KEYS.map((key) => grown.pick(any, { key }));
  grown.update(large.slice(0, 650));
  const moved = KEYS.filter((key, i) => grown.pick(any, { key }) !== before[i]).length / KEYS.length;
  assertLess(moved, 50 / 700 + 0.03);
});

Deno.test("a table size that is no prime, or too large, is refused", () => {
  for (const tableSize of [65_536, 1, 0, -7, 2.5, NaN, 5_000_077]) {
    assertThrows(() => maglev({ tableSize }), RangeError, `found ${tableSize}`);
  }
});
