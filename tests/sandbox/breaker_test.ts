import { assertEquals } from "@std/assert";
import { Breaker } from "../../src/sandbox/breaker.ts";

/** A breaker with a clock of its own. */
function withClock() {
  const clock = { now: 1_000_000 };
  return { clock, breaker: new Breaker({ now: () => clock.now }) };
}

/** A breaker that was just disabled. */
function disabled() {
  const made = withClock();
  for (let i = 0; i < 5; i++) made.breaker.failed();
  return made;
}

Deno.test("a breaker lets the first worker be replaced at once and then doubles the pause", () => {
  const { breaker } = withClock();
  assertEquals([1, 2, 3, 4].map(() => breaker.failed()), [0, 100, 200, 400]);
  assertEquals(breaker.allows(), true);
});

Deno.test("a breaker disables a module at the fifth failure within a minute", () => {
  const { breaker } = disabled();
  assertEquals(breaker.allows(), false);
});

Deno.test("a breaker forgets failures that are older than a minute", () => {
  const { breaker, clock } = withClock();
  for (let i = 0; i < 20; i++, clock.now += 15_001) breaker.failed();
  assertEquals(breaker.allows(), true);
});

Deno.test("a breaker's pause does not grow beyond five seconds", () => {
  const breaker = new Breaker({ limit: 100 });
  const pauses = Array.from({ length: 50 }, () => breaker.failed());
  assertEquals(Math.max(...pauses), 5_000);
});

Deno.test("failures while a module is disabled change nothing but say when it may be tried", () => {
  const { breaker, clock } = disabled();
  clock.now += 10_000;
  assertEquals([breaker.failed(), breaker.failed()], [20_000, 20_000]);
  clock.now += 19_999;
  assertEquals(breaker.allows(), false);
  clock.now += 1;
  assertEquals(breaker.allows(), true);
});

Deno.test("a module that fails on its trial is disabled again at once, for twice the time up to five minutes", () => {
  const { breaker, clock } = disabled();
  const times: number[] = [];
  for (let wait = 30_000; times.length < 6; times.push(wait)) {
    clock.now += wait;
    assertEquals(breaker.allows(), true);
    wait = breaker.failed();
    assertEquals(breaker.allows(), false);
  }
  assertEquals(times, [60_000, 120_000, 240_000, 300_000, 300_000, 300_000]);
});

Deno.test("a module that held for a minute after its trial began starts with a clean slate", () => {
  const { breaker, clock } = disabled();
  clock.now += 30_000 + 60_000;
  assertEquals(breaker.failed(), 0);
  for (let i = 0; i < 4; i++) breaker.failed();
  clock.now += 29_999;
  assertEquals(breaker.allows(), false);
  clock.now += 1;
  assertEquals(breaker.allows(), true);
});

Deno.test("a breaker's limit and window can be set", () => {
  let now = 0;
  const breaker = new Breaker({ limit: 2, window: 10, now: () => now });
  breaker.failed();
  now = 11;
  breaker.failed();
  assertEquals(breaker.allows(), true);
  breaker.failed();
  assertEquals(breaker.allows(), false);
});
