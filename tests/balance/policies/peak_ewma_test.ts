import { assert, assertEquals, assertThrows } from "@std/assert";
import { observeLatency, peakEwma } from "../../../src/balance/policies/peak_ewma.ts";
import { chance, members, shares, told } from "../../support/members.ts";

function near(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) < 1e-6 * Math.max(1, expected), `${actual} instead of ${expected}`);
}

Deno.test("a peak is heeded at once, and comes down by and by", () => {
  const [backend] = members(1) as [ReturnType<typeof members>[0]];
  observeLatency(backend, 10, 1_000);
  assertEquals([backend.ewma, backend.ewmaAt], [10, 1_000]);
  observeLatency(backend, 500, 1_100);
  assertEquals(backend.ewma, 500);
  observeLatency(backend, 10, 11_100);
  near(backend.ewma, 10 + 490 / Math.E);
  observeLatency(backend, 10, 11_100);
  near(backend.ewma, 10 + 490 / Math.E);
  observeLatency(backend, 10, 1e9);
  near(backend.ewma, 10);
});

Deno.test("the decay can be chosen", () => {
  const [backend] = members(1) as [ReturnType<typeof members>[0]];
  observeLatency(backend, 100, 0, { decay: 50 });
  observeLatency(backend, 0, 50, { decay: 50 });
  near(backend.ewma, 100 / Math.E);
});

Deno.test("a failure that comes fast does not look like a fast answer", () => {
  const [backend] = members(1) as [ReturnType<typeof members>[0]];
  observeLatency(backend, 0.1, 0, { failed: true });
  assertEquals(backend.ewma, 100);
  for (let i = 0; i < 20; i++) observeLatency(backend, 0.1, i, { failed: true });
  assertEquals(backend.ewma, 60_000);
  observeLatency(backend, 90_000, 30, { failed: true });
  assertEquals(backend.ewma, 90_000);
});

Deno.test("a backend that became slow gets next to nothing, until its peak has decayed", () => {
  const backends = members(2);
  let now = 0;
  const policy = told(peakEwma({ random: chance(1), now: () => now }), backends);
  for (const backend of backends) observeLatency(backend, 10, now);
  observeLatency(backends[0]!, 2_000, now);
  assert(shares(policy, backends, 1000)[0]! < 0.02);
  // The other goes on answering within 10 ms, the slow one is left alone.
  now = 30_000;
  observeLatency(backends[1]!, 10, now);
  assert(shares(policy, backends, 1000)[0]! < 0.02);
  now = 60_000;
  observeLatency(backends[1]!, 10, now);
  assert(shares(policy, backends, 1000)[0]! > 0.98, "it is tried again");
});

Deno.test("requests under way count for as much as slowness, in relation to the weight", () => {
  const backends = members([1, 3]);
  const policy = told(peakEwma({ random: chance(2), now: () => 0 }), backends);
  for (const backend of backends) observeLatency(backend, 10, 0);
  [backends[0]!.inFlight, backends[1]!.inFlight] = [2, 5];
  assert(shares(policy, backends, 1000)[1]! > 0.95, "5 / 3 is less than 2 / 1");
  backends[1]!.inFlight = 7;
  assert(shares(policy, backends, 1000)[1]! < 0.95);
  observeLatency(backends[0]!, 20, 0);
  backends[1]!.inFlight = 9;
  assert(shares(policy, backends, 1000)[1]! > 0.95);
});

Deno.test("one that never answered gets one request, and no second before it answers", () => {
  const backends = members(2);
  const policy = told(peakEwma({ random: chance(3), now: () => 0 }), backends);
  observeLatency(backends[0]!, 50, 0);
  assert(shares(policy, backends, 1000)[1]! > 0.98);
  backends[1]!.inFlight = 1;
  backends[0]!.inFlight = 100;
  assert(shares(policy, backends, 1000)[1]! < 0.02);
});

Deno.test("a decay that is none is refused", () => {
  for (const decay of [0, -1, NaN, Infinity]) {
    assertThrows(() => peakEwma({ decay }), RangeError, `found ${decay}`);
  }
});
