import { assertEquals, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/http/errors.ts";
import type { ErrorType } from "../../src/http/errors.ts";
import { Outlier, type OutlierOptions, outlierRules } from "../../src/balance/outlier.ts";

/** An outlier on a clock that the test moves, and what it told its group. */
function made(options: OutlierOptions = {}, mayEject = () => true) {
  const clock = { now: 1_000_000 };
  const told: string[] = [];
  const outlier = new Outlier(outlierRules(options), {
    mayEject,
    ejected: (cause, ms) => told.push(`out ${ms}: ${cause}`),
    readmitted: (ms) => told.push(`in ${ms}`),
  }, () => clock.now);
  const fail = (type: ErrorType, times = 1) => {
    for (let i = 0; i < times; i++) outlier.failed(new ProxyError(type, "no"));
  };
  const answer = (status: number, times = 1, ms = 1) => {
    for (let i = 0; i < times; i++) outlier.succeeded(ms, status);
  };
  return { outlier, clock, told, fail, answer };
}

for (const type of ["connect_failed", "connect_timeout", "tls_failed"] as const) {
  Deno.test(`three failures to connect in a row (${type}) eject a backend`, () => {
    const { outlier, clock, told, fail } = made();
    fail(type, 2);
    assertEquals(outlier.ejected(clock.now), false);
    fail(type);
    assertEquals([outlier.ejected(clock.now), outlier.until], [true, clock.now + 10_000]);
    assertEquals(told, ["out 10000: 3 failures to connect in a row, the last no"]);
  });
}

Deno.test("five answers of 5xx in a row eject a backend, also mixed with answers that broke off", () => {
  const { told, answer, fail } = made();
  answer(503, 2);
  fail("upstream_closed");
  fail("upstream_timeout");
  assertEquals(told, []);
  answer(500);
  assertEquals(told, ["out 10000: 5 errors in a row, the last HTTP 500"]);
});

Deno.test("an answer that is no error begins the count anew", () => {
  const { told, answer, fail } = made();
  answer(503, 4);
  answer(404);
  answer(503, 4);
  answer(200);
  fail("connect_failed", 2);
  answer(200);
  fail("connect_failed", 2);
  assertEquals(told, []);
});

Deno.test("a connection that stood begins the count of failures to connect anew", () => {
  const { told, answer, fail } = made();
  fail("connect_failed", 2);
  answer(502);
  fail("connect_failed");
  assertEquals(told, []);
});

Deno.test("which statuses are errors can be said", () => {
  const { told, answer } = made({ errorStatuses: "502-504", errors: 2 });
  answer(500, 10);
  assertEquals(told, []);
  answer(504, 2);
  assertEquals(told.length, 1);
});

Deno.test("what the client or the proxy is to blame for does not count", () => {
  const { told, fail } = made();
  for (const type of ["client_gone", "body_too_large", "hook_failed", "no_healthy_upstream"] as const) {
    fail(type, 10);
  }
  assertEquals(told, []);
});

Deno.test("slow answers in a row eject a backend when a limit is set", () => {
  const { told, answer } = made({ slowAfter: 100, slowAnswers: 3 });
  answer(200, 2, 101);
  answer(200, 1, 100);
  answer(200, 2, 500);
  assertEquals(told, []);
  answer(200, 1, 101);
  assertEquals(told, ["out 10000: 3 answers in a row that took more than 100 ms"]);
  const { told: other, answer: slowly } = made();
  slowly(200, 100, 1e6);
  assertEquals(other, []);
});

Deno.test("an ejected backend is back when its time is over, and tells so once", () => {
  const { outlier, clock, told, fail } = made();
  fail("connect_failed", 3);
  clock.now += 9_999;
  assertEquals(outlier.ejected(clock.now), true);
  clock.now += 1;
  assertEquals([outlier.ejected(clock.now), outlier.ejected(clock.now), outlier.until], [false, false, 0]);
  assertEquals(told.slice(1), ["in 10000"]);
});

Deno.test("what requests from before the ejection end with changes nothing", () => {
  const { outlier, clock, told, fail, answer } = made();
  fail("connect_failed", 3);
  const { until } = outlier;
  answer(500, 20);
  fail("connect_failed", 20);
  assertEquals([outlier.until, told.length], [until, 1]);
  clock.now += 10_000;
  fail("connect_failed", 2);
  assertEquals(told.length, 2);
});

/** Ejects it and lets its time pass; how long it was out. */
function ejection({ outlier, clock, fail }: ReturnType<typeof made>): number {
  fail("connect_failed", 3);
  const ms = outlier.until - clock.now;
  clock.now = outlier.until;
  outlier.ejected(clock.now);
  return ms;
}

Deno.test("each ejection is twice as long, up to the most", () => {
  const one = made();
  assertEquals(
    Array.from({ length: 7 }, () => ejection(one)),
    [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000],
  );
});

Deno.test("it halves again with the time that a backend has been well", () => {
  const one = made();
  for (let i = 0; i < 4; i++) ejection(one);
  one.clock.now += 20_000;
  assertEquals(ejection(one), 40_000);
  one.clock.now += 1_000_000;
  assertEquals(ejection(one), 10_000);
});

Deno.test("a backend that may not be ejected stays, and is asked about again after as many failures", () => {
  let asked = 0;
  const { outlier, clock, told, fail } = made({}, () => ++asked > 1);
  fail("connect_failed", 5);
  assertEquals([outlier.ejected(clock.now), asked, told.length], [false, 1, 0]);
  fail("connect_failed");
  assertEquals([outlier.ejected(clock.now), asked], [true, 2]);
});

Deno.test("0 turns a count off", () => {
  const { told, fail, answer } = made({ connectFailures: 0, errors: 0 });
  fail("connect_failed", 100);
  answer(500, 100);
  assertEquals(told, []);
});

for (
  const [options, message] of [
    [{ errors: -1 }, '"errors": expected a whole number >= 0, found -1'],
    [{ slowAnswers: 0 }, '"slowAnswers": expected a whole number >= 1, found 0'],
    [{ slowAfter: NaN }, '"slowAfter": expected milliseconds from 0 to 2147483647, found NaN'],
    [{ ejectFor: 0 }, '"ejectFor": expected milliseconds from 1 to 2147483647, found 0'],
    [{ maxShare: 2 }, '"maxShare": expected a number from 0 to 1, found 2'],
  ] as const
) {
  Deno.test(`outlier options ${JSON.stringify(options)} are refused`, () => {
    const error = assertThrows(() => outlierRules(options), RangeError) as Error;
    assertEquals(error.message, `Cannot use outlier ${message}`);
  });
}
