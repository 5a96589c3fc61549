import { assert, assertEquals } from "@std/assert";
import { LocalLimits } from "../../src/rules/limits.ts";

/** A store with a clock that is set by hand. */
function limits(most?: number) {
  const own = { time: 1_000_000 };
  const store = new LocalLimits({ now: () => own.time, ...(most === undefined ? {} : { most }) });
  return { own, store };
}

Deno.test("a bucket gives a burst, then one token at a time as they come back", () => {
  const { own, store } = limits();
  const take = () => store.take("a", 10, 3);
  assertEquals([take(), take(), take()].map(({ remaining }) => remaining), [2, 1, 0]);
  const refused = take();
  assertEquals(refused.allowed, false);
  assertEquals(refused.retryAfter.toFixed(6), "0.100000");
  own.time += 99;
  assertEquals(take().allowed, false);
  own.time += 1;
  assertEquals(take(), { allowed: true, remaining: 0, retryAfter: 0 });
  assertEquals(take().allowed, false);
  own.time += 1_000_000;
  assertEquals(take().remaining, 2);
});

Deno.test("requests that are refused cost nothing", () => {
  const { own, store } = limits();
  store.take("a", 1, 1);
  for (let i = 0; i < 1_000; i++) assertEquals(store.take("a", 1, 1).allowed, false);
  own.time += 1_000;
  assertEquals(store.take("a", 1, 1).allowed, true);
});

Deno.test("over a long time, as many are let through as the rate says", () => {
  for (const rate of [0.1, 1 / 3, 7, 999.9]) {
    const { own, store } = limits();
    let allowed = 0;
    const seconds = 1_000 / rate;
    const steps = 10_000;
    for (let i = 0; i < steps; i++) {
      own.time += seconds * 1_000 / steps;
      if (store.take("a", rate, 5).allowed) allowed++;
    }
    assert(Math.abs(allowed - 1_005) <= 2, `${allowed} at ${rate}/s`);
  }
});

Deno.test("keys have buckets of their own", () => {
  const { store } = limits();
  assertEquals([store.take("a", 1, 1), store.take("b", 1, 1)].map(({ allowed }) => allowed), [true, true]);
});

Deno.test("a flood of keys neither fills the memory nor resets a bucket that is spent", () => {
  const { own, store } = limits(1_000);
  for (let i = 0; i < 10; i++) assert(store.take("spent", 1, 10).allowed);
  for (let i = 0; i < 20_000; i++) {
    if (i % 10 === 0) own.time += 1;
    assert(store.take(`flood ${i}`, 1, 10).allowed);
    assert(store.size <= 1_000, `${store.size} buckets`);
  }
  // Two of its tokens came back meanwhile.
  const allowed = [1, 2, 3].map(() => store.take("spent", 1, 10).allowed);
  assertEquals(allowed, [true, true, false]);
});

Deno.test("buckets that are full make room first", () => {
  const { own, store } = limits(100);
  for (let i = 0; i < 50; i++) store.take(`old ${i}`, 1, 1);
  own.time += 1_000;
  for (let i = 0; i < 100; i++) store.take(`new ${i}`, 1, 1);
  const kept = Array.from({ length: 100 }, (_, i) => !store.take(`new ${i}`, 1, 1).allowed);
  assert(kept.every((isKept) => isKept), `${kept.filter((isKept) => isKept).length} of 100 kept`);
});
