import { assertEquals, assertThrows } from "@std/assert";
import {
  CircuitBreaker,
  type CircuitBreakerOptions,
  circuitBreakerRules,
} from "../../src/balance/circuit_breaker.ts";

/** A breaker on a clock that the test moves, and what it told its group. */
function made(options: CircuitBreakerOptions = {}) {
  const clock = { now: 1_000_000 };
  const told: string[] = [];
  const breaker = new CircuitBreaker(circuitBreakerRules(options), {
    opened: (cause) => told.push(`opened: ${cause}`),
    closed: (ms, probes) => told.push(`closed: ${ms} ${probes}`),
  }, () => clock.now);
  /** Requests with these results: `.` went well, `x` failed. */
  const requests = (results: string) => {
    for (const result of results) {
      const begun = breaker.begin();
      if (result === ".") breaker.succeeded(begun);
      else breaker.failed(begun);
    }
  };
  return { breaker, clock, told, requests, allows: () => breaker.allows(clock.now) };
}

Deno.test("failures in a row open a breaker, and nothing passes", () => {
  const { breaker, told, requests, allows } = made();
  requests("xxxx.xxxx");
  assertEquals([breaker.state, allows()], ["closed", true]);
  requests("x");
  assertEquals([breaker.state, allows()], ["open", false]);
  assertEquals(told, ["opened: 5 failures in a row"]);
});

Deno.test("after its time, one probe passes; when that succeeds, the breaker closes", () => {
  const { breaker, clock, told, requests, allows } = made();
  requests("xxxxx");
  clock.now += 9_999;
  assertEquals(allows(), false);
  clock.now += 1;
  assertEquals([allows(), breaker.state], [true, "half-open"]);
  const probe = breaker.begin();
  assertEquals(allows(), false);
  clock.now += 500;
  breaker.succeeded(probe);
  assertEquals([allows(), breaker.state, told.at(-1)], [true, "closed", "closed: 10500 1"]);
  requests("xxxx");
  assertEquals(breaker.state, "closed");
});

Deno.test("when the probe fails, it is open for as long again", () => {
  const { breaker, clock, told, requests, allows } = made();
  requests("xxxxx");
  clock.now += 10_000;
  allows();
  breaker.failed(breaker.begin());
  assertEquals([allows(), told.at(-1)], [false, "opened: a probe failed"]);
  clock.now += 10_000;
  assertEquals(allows(), true);
  breaker.succeeded(breaker.begin());
  assertEquals(told.at(-1), "closed: 20000 1");
});

Deno.test("with several probes, so many pass at a time, and all have to succeed", () => {
  const { breaker, clock, requests, allows } = made({ probes: 2 });
  requests("xxxxx");
  clock.now += 10_000;
  assertEquals(allows(), true);
  const first = breaker.begin();
  assertEquals(allows(), true);
  const second = breaker.begin();
  assertEquals(allows(), false);
  breaker.succeeded(first);
  assertEquals([allows(), breaker.state], [true, "half-open"]);
  breaker.succeeded(second);
  assertEquals(breaker.state, "closed");
});

Deno.test("what requests from before the opening end with is not taken for a probe's result", () => {
  const { breaker, clock, requests, allows } = made();
  const [good, bad] = [breaker.begin(), breaker.begin()];
  requests("xxxxx");
  clock.now += 10_000;
  allows();
  const probe = breaker.begin();
  breaker.succeeded(good);
  breaker.failed(bad);
  breaker.abandoned(bad);
  assertEquals([breaker.state, allows()], ["half-open", false]);
  breaker.succeeded(probe);
  assertEquals(breaker.state, "closed");
});

Deno.test("a probe whose client left makes room for another", () => {
  const { breaker, clock, requests, allows } = made();
  requests("xxxxx");
  clock.now += 10_000;
  allows();
  breaker.abandoned(breaker.begin());
  assertEquals([allows(), breaker.state], [true, "half-open"]);
});

Deno.test("a probe that is never heard of again does not keep the breaker half-open for ever", () => {
  const { breaker, clock, requests, allows } = made();
  requests("xxxxx");
  clock.now += 10_000;
  allows();
  breaker.begin();
  clock.now += 9_999;
  assertEquals(allows(), false);
  clock.now += 1;
  assertEquals(allows(), true);
});

Deno.test("a share of failures opens it, but not among too few requests", () => {
  const { breaker, told, requests } = made({ failures: 0, errorShare: 0.5, minRequests: 10 });
  requests("x.x.x.x.x");
  assertEquals(breaker.state, "closed");
  requests(".x");
  assertEquals([breaker.state, told], ["open", ["opened: 6 of 11 requests in 10 s failed"]]);
});

Deno.test("failures that are older than the window do not count", () => {
  const { breaker, clock, requests } = made({ failures: 0, errorShare: 0.5, minRequests: 10 });
  requests("xxxxxxxxx");
  clock.now += 11_000;
  requests("......xxx");
  assertEquals(breaker.state, "closed");
  clock.now += 5_000;
  requests("xxx");
  assertEquals(breaker.state, "open");
});

Deno.test("0 failures and a share of 1 never open it", () => {
  const { breaker, requests } = made({ failures: 0 });
  requests("x".repeat(100));
  assertEquals(breaker.state, "closed");
});

for (
  const [options, message] of [
    [{ failures: 1.5 }, '"failures": expected a whole number >= 0, found 1.5'],
    [{ probes: 0 }, '"probes": expected a whole number >= 1, found 0'],
    [{ openFor: 0 }, '"openFor": expected milliseconds from 1 to 2147483647, found 0'],
    [{ errorShare: 0 }, '"errorShare": expected a number > 0, found 0'],
  ] as const
) {
  Deno.test(`circuit breaker options ${JSON.stringify(options)} are refused`, () => {
    const error = assertThrows(() => circuitBreakerRules(options), RangeError) as Error;
    assertEquals(error.message, `Cannot use circuit breaker ${message}`);
  });
}
