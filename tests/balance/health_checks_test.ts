import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { captureLog } from "../support/captured_log.ts";
import { deadAddress, rawOrigin } from "../support/origin.ts";
import { within } from "../support/wire.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { Backend } from "../../src/balance/backend.ts";
import { GroupEvents } from "../../src/balance/events.ts";
import { HealthChecks } from "../../src/balance/health_checks.ts";
import { healthCheckRules, pauseOf } from "../../src/balance/health_options.ts";
import { acceptShare } from "../../src/balance/slow_start.ts";
import { type Check, tcpCheck } from "../../src/balance/tcp_check.ts";
import { until } from "../support/until.ts";

const NEVER = new AbortController().signal;

/** Backends that nobody listens at, as no check of theirs connects. */
function backendsOf(n: number): Backend[] {
  return Array.from({ length: n }, (_, i) => new Backend({ address: `127.0.0.1:${i + 1}` }));
}

Deno.test("a TCP check passes when somebody accepts, and leaves no connection behind", async () => {
  const closed = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.closed();
    closed.resolve();
  });
  await tcpCheck()({ address: origin.address, tls: { serverName: "not.spoken" } }, NEVER);
  await within(closed.promise, "the check's connection to close");
  assertEquals(origin.connections, 1);
});

Deno.test("a TCP check fails where nobody listens, and names the address", async () => {
  const address = deadAddress();
  const error = await assertRejects(() => tcpCheck()({ address }, NEVER), ProxyError, address);
  assertInstanceOf(error, ProxyError);
  assertEquals(error.type, "connect_failed");
});

Deno.test("a TCP check that is aborted ends", async () => {
  const stopping = new AbortController();
  stopping.abort(new Error("stopped"));
  await assertRejects(() => tcpCheck()({ address: deadAddress() }, stopping.signal), Error, "stopped");
});

/** A backend whose checks give these results, one a round: `.` passes, `x` fails. */
function checked(results: string): { backend: Backend; check: Check } {
  const backend = new Backend({ address: "127.0.0.1:1" });
  let round = 0;
  return {
    backend,
    check() {
      if (results[round++] === ".") return Promise.resolve();
      return Promise.reject(new Error(`no ${round}`));
    },
  };
}

const STATES: {
  name: string;
  fall?: number;
  rise?: number;
  results: string;
  states: string;
  lines: RegExp[];
}[] = [
  { name: "passes leave it up", results: "...", states: "uuu", lines: [] },
  {
    name: "one failure takes it down and one success brings it back",
    results: ".xx.",
    states: "uddu",
    lines: [
      /^WARN upstream 127\.0\.0\.1:1 DOWN after 1 failure: Error: no 2$/,
      /^INFO upstream 127\.0\.0\.1:1 UP after 1 success, was down for \d+\.\d s$/,
    ],
  },
  {
    name: "it falls only after so many failures in a row",
    fall: 3,
    results: ".xx.xxxx",
    states: "uuuuuudd",
    lines: [/DOWN after 3 failures: Error: no 7$/],
  },
  {
    name: "the first check decides by itself, whatever the thresholds",
    fall: 3,
    rise: 3,
    results: "x...",
    states: "dddu",
    lines: [/DOWN after 1 failure: Error: no 1$/, /UP after 3 successes, was down for/],
  },
  {
    name: "it rises only after so many successes in a row",
    rise: 3,
    results: "x..x....",
    states: "dddddduu",
    lines: [/DOWN after 1 failure: Error: no 1$/, /UP after 3 successes, was down for/],
  },
];

for (const { name, fall = 1, rise = 1, results, states, lines } of STATES) {
  Deno.test(`health checks: ${name}, and every change is one line`, async () => {
    using log = captureLog();
    const { backend, check } = checked(results);
    const checks = new HealthChecks(() => [backend], { check, fall, rise });
    let seen = "";
    for (const _ of results) {
      await checks.round(NEVER);
      seen += backend.healthy ? "u" : "d";
    }
    assertEquals(seen, states);
    assertEquals(log.lines.length, lines.length, log.lines.join("\n"));
    for (const [i, line] of lines.entries()) assert(line.test(log.lines[i]!), log.lines[i]!);
  });
}

Deno.test("backends are checked at the same time, each for itself", async () => {
  using log = captureLog();
  let waiting = 0;
  const both = Promise.withResolvers<void>();
  const backends = backendsOf(2);
  const check: Check = async ({ address }) => {
    if (++waiting === 2) both.resolve();
    await both.promise;
    if (address.endsWith("2")) throw new Error("no");
  };
  await within(new HealthChecks(() => backends, { check }).round(NEVER), "the round");
  assertEquals(backends.map(({ healthy }) => healthy), [true, false]);
  assertEquals(log.lines, ["WARN upstream 127.0.0.1:2 DOWN after 1 failure: Error: no"]);
});

Deno.test("a check that throws rather than rejects is a failure like any other", async () => {
  using _log = captureLog();
  const backend = new Backend({ address: "127.0.0.1:1" });
  const check: Check = () => {
    throw "no";
  };
  await new HealthChecks(() => [backend], { check }).round(NEVER);
  assertEquals(backend.healthy, false);
});

Deno.test("what a check finds after it was stopped is not believed", async () => {
  using log = captureLog();
  const backend = new Backend({ address: "127.0.0.1:1" });
  const stopping = new AbortController();
  const check: Check = (_peer, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
  const running = new HealthChecks(() => [backend], { check }).run(stopping.signal);
  stopping.abort();
  await within(running, "the service to stop");
  assertEquals([backend.healthy, log.lines], [undefined, []]);
});

/** Runs the service until it is disposed of. */
function running(checks: HealthChecks): AsyncDisposable {
  const stopping = new AbortController();
  const ended = checks.run(stopping.signal);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await within(ended, "the service to stop");
    },
  };
}

Deno.test("the service checks at once, again and again, the members of the moment, until it is stopped", async () => {
  const seen: string[] = [];
  const [one, two] = backendsOf(2) as [Backend, Backend];
  let members = [one];
  const check: Check = ({ address }) => {
    seen.push(address.at(-1)!);
    members = [two];
    return Promise.resolve();
  };
  const checks = new HealthChecks(() => members, { check, interval: 1 });
  {
    await using _running = running(checks);
    await until("the second was checked twice", () => seen.filter((one) => one === "2").length > 1);
    seen.length = 0;
    await until("it went on", () => seen.length > 2);
    assert(!seen.includes("1"), seen.join());
  }
  const { length } = seen;
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(seen.length, length);
});

Deno.test("a new member is checked at once when the service is told, and one that is gone is not heard", async () => {
  using log = captureLog();
  const [one, two] = backendsOf(2) as [Backend, Backend];
  let members = [one];
  const begun: string[] = [];
  const check: Check = ({ address }, signal) => {
    begun.push(address.at(-1)!);
    if (address.endsWith("2")) return Promise.resolve();
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("gone"))));
  };
  const checks = new HealthChecks(() => members, { check, interval: 60_000, timeout: 60_000 });
  await using _running = running(checks);
  members = [two];
  checks.changed();
  await until("the second was checked", () => two.healthy === true);
  assertEquals([begun, one.healthy, log.lines], [["1", "2"], undefined, []]);
});

Deno.test("one backend whose checks hang does not delay those of the others", async () => {
  using _log = captureLog();
  const backends = backendsOf(2);
  const counts = [0, 0];
  const check: Check = ({ address }) => {
    counts[Number(address.at(-1)) - 1]!++;
    return address.endsWith("1") ? new Promise(() => {}) : Promise.resolve();
  };
  await using _running = running(new HealthChecks(() => backends, { check, interval: 1, timeout: 60_000 }));
  await until("the second was checked again and again", () => counts[1]! > 10);
  assertEquals([counts[0], backends[1]!.healthy], [1, true]);
});

Deno.test("no more than so many checks are under way at a time, and all are done", async () => {
  const backends = backendsOf(50);
  let now = 0;
  let most = 0;
  const check: Check = async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 1));
    now--;
  };
  await within(new HealthChecks(() => backends, { check }).round(NEVER), "the round");
  assertEquals([most, backends.every(({ healthy }) => healthy)], [32, true]);
  most = 0;
  await within(new HealthChecks(() => backends, { check, concurrency: 3 }).round(NEVER), "the round");
  assertEquals(most, 3);
});

Deno.test("stopping the service ends checks that wait for their turn without beginning them", async () => {
  const backends = backendsOf(3);
  let begun = 0;
  const check: Check = () => {
    begun++;
    return new Promise(() => {});
  };
  {
    await using _running = running(
      new HealthChecks(() => backends, { check, concurrency: 1, timeout: 60_000 }),
    );
    await until("a check began", () => begun > 0);
  }
  assertEquals(begun, 1);
});

Deno.test("a check out of turn is done at once, and joins one that is under way", async () => {
  const [backend] = backendsOf(1) as [Backend];
  let begun = 0;
  const done = Promise.withResolvers<void>();
  const check: Check = () => (begun++, done.promise);
  const checks = new HealthChecks(() => [backend], { check, interval: 60_000 });
  await using _running = running(checks);
  const now = checks.checkNow(backend);
  done.resolve();
  await now;
  assertEquals([begun, backend.healthy], [1, true]);
  await checks.checkNow(backend);
  assertEquals(begun, 2);
});

Deno.test("a backend that an operator has disabled is not checked, one that drains is", async () => {
  const [disabled, draining] = backendsOf(2) as [Backend, Backend];
  disabled.admin = "disabled";
  draining.admin = "draining";
  const check: Check = () => Promise.resolve();
  await using _running = running(new HealthChecks(() => [disabled, draining], { check, interval: 1 }));
  await until("one was checked", () => draining.healthy === true);
  assertEquals(disabled.healthy, undefined);
});

Deno.test("whether the service runs can be asked", async () => {
  const checks = new HealthChecks(() => []);
  assertEquals([checks.running, checks.name], [false, "health checks"]);
  {
    await using _running = running(checks);
    assertEquals(checks.running, true);
  }
  assertEquals(checks.running, false);
  assertEquals(new HealthChecks(() => [], {}, { name: "health checks of a" }).name, "health checks of a");
});

Deno.test("pauses are of the interval, or that for backends that are down, give or take the jitter", () => {
  const rules = healthCheckRules({ interval: 1_000, downInterval: 4_000 });
  assertEquals([0, 0.5, 1].map((random) => pauseOf(rules, true, 0, random)), [900, 1_000, 1_100]);
  assertEquals([0, 0.5, 1].map((random) => pauseOf(rules, false, 0, random)), [3_600, 4_000, 4_400]);
  assertEquals(pauseOf(rules, undefined, 0, 0.5), 1_000);
  assertEquals(pauseOf(healthCheckRules({ interval: 1_000 }), false, 0, 0.5), 1_000);
  assertEquals(pauseOf(healthCheckRules({ interval: 1_000, jitter: 0 }), true, 0, 1), 1_000);
});

Deno.test("the time that a check took is taken off its pause, which is never over at once or too long", () => {
  const rules = healthCheckRules({ interval: 1_000 });
  assertEquals([pauseOf(rules, true, 300, 0.5), pauseOf(rules, true, 3_000, 0.5)], [700, 1]);
  assertEquals(pauseOf(healthCheckRules({ interval: 2 ** 31 - 1 }), true, 0, 1), 2 ** 31 - 1);
});

Deno.test("changes are events: a first check has no state before it, later ones say how long that lasted", async () => {
  using _log = captureLog();
  const { backend, check } = checked(".x.");
  const events = new GroupEvents();
  const told: unknown[] = [];
  events.listen(({ type, cause, lasted }) => told.push([type, cause, typeof lasted, backend.healthy]));
  const checks = new HealthChecks(() => [backend], { check }, { events });
  for (let i = 0; i < 3; i++) await checks.round(NEVER);
  assertEquals(told, [
    ["up", "1 success", "undefined", true],
    ["down", "Error: no 2", "number", false],
    ["up", "1 success", "number", true],
  ]);
});

Deno.test("a backend that was down comes back by slow start, one that is new has its share at once", async () => {
  using _log = captureLog();
  const { backend, check } = checked(".x.");
  const checks = new HealthChecks(() => [backend], { check }, { slowStart: 1_000_000 });
  const shares: number[] = [];
  for (let i = 0; i < 3; i++) {
    await checks.round(NEVER);
    shares.push(Math.round(100 * acceptShare(backend, performance.now(), 1_000_000)));
  }
  assertEquals(shares, [100, 100, 10]);
});

Deno.test("with the default check, an origin that goes away is down after one check", async () => {
  using log = captureLog();
  let backend: Backend;
  let checks: HealthChecks;
  let address: string;
  {
    await using origin = rawOrigin((connection) => connection.closed());
    address = origin.address;
    backend = new Backend({ address });
    checks = new HealthChecks(() => [backend]);
    await checks.round(NEVER);
    assertEquals(backend.healthy, true);
  }
  await checks.round(NEVER);
  assertEquals([backend.healthy, log.lines.length], [false, 1]);
  assert(
    log.lines[0]!.startsWith(`WARN upstream ${address} DOWN after 1 failure: ${address}: `),
    log.lines[0]!,
  );
});
