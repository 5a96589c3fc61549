import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { Backend } from "../../../src/balance/backend.ts";
import { crc32 } from "../../../src/balance/policies/hash.ts";
import { ringHash } from "../../../src/balance/policies/ring_hash.ts";
import { any, chance, members, NO_KEY, shares, told } from "../../support/members.ts";
import { Random } from "../../support/random.ts";
import { FACTS, GROUPS, SERVERS } from "../nginx_ring_facts.ts";

Deno.test("the CRC-32 is the one that all others compute", () => {
  assertEquals([crc32(""), crc32("123456789"), crc32("\xff\x00")], [0, 0xcbf43926, 0xd2fdef8d]);
});

Deno.test("every key goes where a real nginx sends it, with weights and past a server that is down too", () => {
  const rows = FACTS.trim().split("\n");
  assertEquals(rows.length, 500);
  for (const [group, weights] of GROUPS.entries()) {
    const backends = SERVERS.map((address, i) => new Backend({ peer: { address }, weight: weights[i]! }));
    const policy = told(ringHash(), backends);
    const usable = group === 2 ? (backend: Backend) => backend !== backends[1] : any;
    const wrong = rows.filter((row) => {
      const [key, answers] = row.split(" ") as [string, string];
      return backends.indexOf(policy.pick(usable, { key })!) !== Number(answers[group]);
    });
    assertEquals(wrong, [], `group ${group}`);
  }
});

Deno.test("weights decide how many keys a backend gets, broken ones too", () => {
  const weights = [0.5, 1, 2.5, 4];
  const backends = members(weights);
  const policy = told(ringHash({ pointsPerWeight: 1000 }), backends);
  const found = shares(policy, backends, 100_000, any, (n) => `key ${n}`);
  for (const [i, weight] of weights.entries()) {
    assert(Math.abs(found[i]! - weight / 8) < 0.02, `${found[i]} instead of ${weight / 8}`);
  }
});

Deno.test("a key stays at its backend, whatever order the group is in", () => {
  const backends = members(20);
  const one = told(ringHash(), backends);
  const two = told(ringHash(), [...backends].reverse());
  for (let i = 0; i < 1000; i++) {
    const key = `key ${i}`;
    assert(one.pick(any, { key }) === two.pick(any, { key }));
  }
});

Deno.test("when a backend leaves, only its keys move; when it comes back, they do; 1/n of all", () => {
  const backends = members(20);
  const policy = told(ringHash(), backends);
  const keys = Array.from({ length: 10_000 }, (_, i) => `key ${i}`);
  const places = () => keys.map((key) => policy.pick(any, { key })!);
  const before = places();
  policy.update(backends.filter((_, i) => i !== 7));
  const without = places();
  let moved = 0;
  for (const [i, backend] of before.entries()) {
    if (backend === backends[7]) moved++;
    else assert(without[i] === backend, "another's key moved");
  }
  assertLess(moved, 10_000 * (1 / 20 + 0.015));
  policy.update(backends);
  assert(places().every((backend, i) => backend === before[i]));
});

Deno.test("one that cannot be used loses its keys to the same backends as if it had left", () => {
  const backends = members(10);
  const marked = told(ringHash(), backends);
  const removed = told(ringHash(), backends.slice(1));
  for (let i = 0; i < 1000; i++) {
    const key = `key ${i}`;
    assert(marked.pick((b) => b !== backends[0], { key }) === removed.pick(any, { key }));
  }
});

Deno.test("requests without a key are spread", () => {
  const backends = members(4);
  for (const share of shares(told(ringHash({ random: chance(1) }), backends), backends, 4000)) {
    assertGreater(share, 0.15);
  }
});

Deno.test("a change of a weight is taken over, though the backends are the same", () => {
  const backends = members([1, 1]);
  const policy = told(ringHash(), backends);
  const share = () => shares(policy, backends, 5000, any, (n) => `key ${n}`)[0]!;
  assert(Math.abs(share() - 0.5) < 0.1, `${share()}`);
  backends[0]!.weight = 9;
  policy.update(backends);
  assert(Math.abs(share() - 0.9) < 0.05, `${share()}`);
});

Deno.test("backends at the same address, and at Unix sockets, have points of their own", () => {
  const peers = [
    { address: "10.0.0.1:443", tls: { serverName: "a" } },
    { address: "10.0.0.1:443", tls: { serverName: "b" } },
    { address: "unix:/run/a.sock" },
    { address: "[::1]:443" },
  ];
  const backends = peers.map((peer) => new Backend(peer));
  const found = shares(told(ringHash(), backends), backends, 4000, any, (n) => `key ${n}`);
  for (const share of found) assertGreater(share, 0.15);
});

Deno.test("weights beyond all measure do not make a ring beyond all measure", () => {
  const backends = members([1e9, 1e9, 1]);
  const policy = told(ringHash(), backends);
  const found = shares(policy, backends, 1000, any, (n) => `key ${n}`);
  assert(Math.abs(found[0]! - 0.5) < 0.1, `${found}`);
  assert(policy.pick((backend) => backend === backends[2], { key: "k" }) === backends[2]);
});

for (const loadFactor of [1, 1.25, 2]) {
  for (const tells of [true, false]) {
    const way = tells ? "the group tells" : "the policy adds up";
    Deno.test(`a load bounded by ${loadFactor} is never above its factor, when ${way} the total`, () => {
      const random = new Random(5);
      const weights = [1, 2, 3, 0.5, 1, 1, 1, 1];
      const backends = members(weights);
      const policy = told(ringHash({ loadFactor }), backends);
      const total = weights.reduce((sum, weight) => sum + weight);
      const under: Backend[] = [];
      for (let i = 0; i < 20_000; i++) {
        if (under.length > 0 && random.below(300) < under.length) {
          under.splice(random.below(under.length), 1)[0]!.inFlight--;
          continue;
        }
        // A few keys are asked for most of the time.
        const key = `key ${random.once(3) ? random.below(1000) : random.below(3)}`;
        const backend = policy.pick(any, tells ? { key, ...{ inFlight: under.length } } : { key })!;
        under.push(backend);
        backend.inFlight++;
        const bound = Math.ceil(loadFactor * under.length * backend.weight / total - 1e-9);
        assert(backend.inFlight <= bound, `${backend.inFlight} of ${under.length}, bound ${bound}`);
      }
    });
  }
}

Deno.test("a bounded load still finds room when most of the group cannot be used", () => {
  const backends = members(200);
  const policy = told(ringHash({ loadFactor: 1.25 }), backends);
  const left = new Set(backends.slice(0, 20));
  for (let i = 0; i < 1000; i++) policy.pick((b) => left.has(b), { key: `${i % 3}` })!.inFlight++;
  for (const backend of left) assert(backend.inFlight <= Math.ceil(1.25 * 1000 / 20), `${backend.inFlight}`);
});

Deno.test("an idle group with a bounded load is a ring like any other", () => {
  const backends = members(10);
  const bounded = told(ringHash({ loadFactor: 1.25 }), backends);
  const plain = told(ringHash(), backends);
  for (let i = 0; i < 500; i++) {
    assert(bounded.pick(any, { key: `${i}` }) === plain.pick(any, { key: `${i}` }));
  }
  assert(bounded.pick(any, NO_KEY) !== undefined);
});

Deno.test("options that cannot be used are refused", () => {
  assertThrows(() => ringHash({ loadFactor: 0.9 }), RangeError, '"loadFactor"');
  assertThrows(() => ringHash({ pointsPerWeight: 0 }), RangeError, '"pointsPerWeight"');
});
