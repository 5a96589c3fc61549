/**
 * Passive checks and breakers of a group, slow start, and what is said of them.
 */
import { assertEquals } from "@std/assert";
import { Backend } from "../../src/balance/backend.ts";
import { GroupEvents } from "../../src/balance/events.ts";
import { type GuardOptions, Guards } from "../../src/balance/guards.ts";
import { acceptShare } from "../../src/balance/slow_start.ts";
import { captureLog } from "../support/captured_log.ts";

/** A group of so many backends on a clock that the test moves. */
function group(size: number, options: GuardOptions, slowStart = 0) {
  const clock = { now: 1_000_000 };
  const backends = Array.from({ length: size }, (_, i) => new Backend({ address: `127.0.0.1:${i + 1}` }));
  const events = new GroupEvents();
  const told: string[] = [];
  events.listen(({ type, backend, cause, lasted }) =>
    told.push(`${type} ${backend.label.at(-1)} ${cause} ${lasted}`)
  );
  const guards = new Guards(options, { backends: () => backends, events, slowStart, now: () => clock.now });
  for (const backend of backends) guards.attach(backend);
  const fail = (...places: number[]) => {
    for (const place of places) {
      for (let i = 0; i < 5; i++) backends[place]!.outlier!.succeeded(1, 503);
    }
  };
  return {
    backends,
    clock,
    told,
    fail,
    out: () => backends.map(({ outlier }) => outlier!.ejected(clock.now)),
  };
}

Deno.test("an ejection and its end are one line and one event each", () => {
  using log = captureLog();
  const { backends, clock, told, fail } = group(2, { outlier: {} });
  fail(0);
  clock.now += 12_000;
  backends[0]!.outlier!.ejected(clock.now);
  const cause = "5 errors in a row, the last HTTP 503";
  assertEquals(log.lines, [
    `WARN upstream 127.0.0.1:1 EJECTED for 10.0 s after ${cause}`,
    "INFO upstream 127.0.0.1:1 READMITTED, was ejected for 12.0 s",
  ]);
  assertEquals(told, [`ejected 1 ${cause} undefined`, "readmitted 1 its time is over 12000"]);
});

Deno.test("no more than half of a group is ejected, and none of one", () => {
  using _log = captureLog();
  for (
    const [size, most] of [[1, 0], [2, 1], [3, 1], [4, 2], [9, 4]] as const
  ) {
    const { fail, out } = group(size, { outlier: {} });
    fail(...Array(size).keys());
    assertEquals(out().filter(Boolean).length, most, `of ${size}`);
  }
});

Deno.test("another share can be set, up to all", () => {
  using _log = captureLog();
  const { fail, out } = group(2, { outlier: { maxShare: 1 } });
  fail(0, 1);
  assertEquals(out(), [true, true]);
});

Deno.test("backends that are down count as out; those whose time is over do not", () => {
  using _log = captureLog();
  const { backends, clock, fail, out } = group(4, { outlier: {} });
  backends[3]!.healthy = false;
  fail(0, 1);
  assertEquals(out(), [true, false, false, false]);
  clock.now += 10_000;
  fail(1);
  assertEquals(out(), [false, true, false, false]);
});

Deno.test("a breaker's opening and closing are one line and one event each", () => {
  using log = captureLog();
  const { backends: [backend], clock, told } = group(1, { breaker: { failures: 2, openFor: 3_000 } });
  const breaker = backend!.breaker!;
  breaker.failed(breaker.begin());
  breaker.failed(breaker.begin());
  clock.now += 3_500;
  breaker.allows(clock.now);
  breaker.succeeded(breaker.begin());
  assertEquals(log.lines, [
    "WARN upstream 127.0.0.1:1 circuit OPEN for 3.0 s after 2 failures in a row",
    "INFO upstream 127.0.0.1:1 circuit CLOSED as 1 probe passed, was open for 3.5 s",
  ]);
  assertEquals(told, ["opened 1 2 failures in a row undefined", "closed 1 1 probe passed 3500"]);
});

Deno.test("without options there are no guards", () => {
  const { backends: [backend] } = group(1, {});
  assertEquals([backend!.outlier, backend!.breaker], [undefined, undefined]);
});

Deno.test("a readmitted backend's share grows evenly from a tenth to all of it", () => {
  using _log = captureLog();
  const { backends: [backend], clock, fail } = group(2, { outlier: {} }, 1_000);
  const share = () => Math.round(100 * acceptShare(backend!, clock.now, 1_000));
  assertEquals(share(), 100);
  fail(0);
  clock.now += 10_000;
  backend!.outlier!.ejected(clock.now);
  const shares = [share()];
  for (let i = 0; i < 3; i++) {
    clock.now += 500;
    shares.push(share());
  }
  assertEquals(shares, [10, 55, 100, 100]);
});

Deno.test("without slow start, a readmitted backend has all of its share at once", () => {
  using _log = captureLog();
  const { backends: [backend], clock, fail } = group(2, { outlier: {} });
  fail(0);
  clock.now += 10_000;
  backend!.outlier!.ejected(clock.now);
  assertEquals(acceptShare(backend!, clock.now, 0), 1);
});

Deno.test("a listener that throws or rejects is logged, and the others are told", async () => {
  using log = captureLog();
  const events = new GroupEvents();
  const backend = new Backend({ address: "127.0.0.1:1" });
  const told: string[] = [];
  events.listen(() => {
    throw new Error("no");
  });
  events.listen(() => Promise.reject(new Error("never")));
  const stop = events.listen(({ type, at }) => told.push(`${type} ${Math.abs(Date.now() - at) < 1000}`));
  events.tell("up", backend);
  stop();
  events.tell("down", backend);
  await log.line("never");
  assertEquals(told, ["up true"]);
  assertEquals(log.lines.filter((line) => line.includes("being up")).sort(), [
    "ERROR a listener failed at upstream 127.0.0.1:1 being up: Error: never",
    "ERROR a listener failed at upstream 127.0.0.1:1 being up: Error: no",
  ]);
});
