import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { captureLog } from "../support/captured_log.ts";
import { deadAddress, rawOrigin } from "../support/origin.ts";
import { within } from "../support/wire.ts";
import { Backend, type Check, HealthChecks, LoadBalancer, ProxyError, tcpCheck } from "../../src/mod.ts";

const NEVER = new AbortController().signal;

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
    results: "xx.xxxx",
    states: "uuuuudd",
    lines: [/DOWN after 3 failures: Error: no 6$/],
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
  const balancer = new LoadBalancer([{ address: "127.0.0.1:1" }, { address: "127.0.0.1:2" }], {
    health: {
      async check({ address }) {
        if (++waiting === 2) both.resolve();
        await both.promise;
        if (address.endsWith("2")) throw new Error("no");
      },
    },
  });
  await within(balancer.healthChecks.round(NEVER), "the round");
  assertEquals(balancer.backends.map(({ healthy }) => healthy), [true, false]);
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
  assertEquals([backend.healthy, log.lines], [true, []]);
});

Deno.test("the service checks at once, round after round, the members of the moment, until it is stopped", async () => {
  const stopping = new AbortController();
  const seen: string[] = [];
  const balancer: LoadBalancer = new LoadBalancer([{ address: "127.0.0.1:1" }], {
    health: {
      interval: 1,
      check({ address }) {
        seen.push(address.at(-1)!);
        if (seen.length === 1) balancer.replace([{ address: "127.0.0.1:2" }]);
        if (seen.length === 3) stopping.abort();
        return Promise.resolve();
      },
    },
  });
  await within(balancer.healthChecks.run(stopping.signal), "three rounds");
  assertEquals(seen, ["1", "2", "2"]);
});

Deno.test("with the default check, an origin that goes away is down after one round", async () => {
  using log = captureLog();
  let balancer: LoadBalancer;
  let address: string;
  {
    await using origin = rawOrigin((connection) => connection.closed());
    address = origin.address;
    balancer = new LoadBalancer([{ address }]);
    await balancer.healthChecks.round(NEVER);
    assertEquals(balancer.backends[0]!.healthy, true);
  }
  await balancer.healthChecks.round(NEVER);
  assertEquals(balancer.backends[0]!.healthy, false);
  assertEquals(log.lines.length, 1);
  assert(
    log.lines[0]!.startsWith(`WARN upstream ${address} DOWN after 1 failure: ${address}: `),
    log.lines[0]!,
  );
});
