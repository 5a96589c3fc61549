/**
 * Health checks that hang, or whose settings would make them run wild.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { captureLog } from "../support/captured_log.ts";
import { rawOrigin } from "../support/origin.ts";
import { within } from "../support/wire.ts";
import { Backend } from "../../src/balance/backend.ts";
import { type HealthCheckOptions, HealthChecks } from "../../src/balance/health_checks.ts";
import { type Check, tcpCheck } from "../../src/balance/tcp_check.ts";
import { until } from "../support/until.ts";

const NEVER = new AbortController().signal;
const hanging: Check = () => new Promise(() => {});

Deno.test("a check that hangs is a failure after its time, and the checks of the others go on", async () => {
  using log = captureLog();
  const stopping = new AbortController();
  const backends = [new Backend({ address: "127.0.0.1:1" }), new Backend({ address: "127.0.0.1:2" })];
  let others = 0;
  const check: Check = (peer, signal) => {
    if (peer.address.endsWith("1")) return hanging(peer, signal);
    others++;
    return Promise.resolve();
  };
  const running = new HealthChecks(() => backends, { interval: 1, timeout: 20, check }).run(stopping.signal);
  await until("the first is down", () => backends[0]!.healthy === false);
  const before = others;
  await until("the other was checked on", () => others > before);
  stopping.abort();
  await within(running, "the service to stop");
  assertEquals(backends.map(({ healthy }) => healthy), [false, true]);
  assertEquals(log.lines, ["WARN upstream 127.0.0.1:1 DOWN after 1 failure: no answer within 20 ms"]);
});

Deno.test("checks that hang and do not heed their signal stop with the service", async () => {
  using log = captureLog();
  const stopping = new AbortController();
  const backend = new Backend({ address: "127.0.0.1:1" });
  const running = new HealthChecks(() => [backend], { timeout: 60_000, check: hanging }).run(stopping.signal);
  stopping.abort();
  await within(running, "the service to stop");
  assertEquals([backend.healthy, log.lines], [undefined, []]);
});

Deno.test("a check is told by its signal that its time is over, and what it fails with later is nobody's", async () => {
  using log = captureLog();
  const backend = new Backend({ address: "127.0.0.1:1" });
  const reasons: unknown[] = [];
  const check: Check = (_peer, signal) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        reasons.push(signal.reason.message);
        setTimeout(() => reject(new Error("late")), 0);
      })
    );
  await new HealthChecks(() => [backend], { check, timeout: 5 }).round(NEVER);
  await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(reasons, ["no answer within 5 ms"]);
  assertEquals(log.lines, ["WARN upstream 127.0.0.1:1 DOWN after 1 failure: no answer within 5 ms"]);
});

Deno.test("a check that passes leaves no timer behind", async () => {
  const backend = new Backend({ address: "127.0.0.1:1" });
  await new HealthChecks(() => [backend], { check: () => Promise.resolve(), timeout: 60_000 }).round(NEVER);
  assert(backend.healthy);
});

Deno.test("the default TCP check passes within the limit", async () => {
  await using origin = rawOrigin((connection) => connection.closed());
  const backend = new Backend({ address: origin.address });
  await new HealthChecks(() => [backend]).round(NEVER);
  assertEquals(backend.healthy, true);
});

/** How long a hanging check is given, in milliseconds, as the cause of its failure tells; no time passes. */
async function limitOf(options: HealthCheckOptions): Promise<string> {
  using log = captureLog();
  const { setTimeout: real } = globalThis;
  globalThis.setTimeout = ((run: () => void) => real(run, 0)) as typeof setTimeout;
  try {
    await new HealthChecks(() => [new Backend({ address: "127.0.0.1:1" })], options).round(NEVER);
  } finally {
    globalThis.setTimeout = real;
  }
  return log.lines[0]!.split(": ")[1]!;
}

Deno.test("a check has a second, or the time that it asks for, or that of the options", async () => {
  const patient = Object.assign((...given: Parameters<Check>) => hanging(...given), { timeout: 3_000 });
  assertEquals(tcpCheck(3_000).timeout, 3_000);
  assertEquals(await limitOf({ check: hanging }), "no answer within 1000 ms");
  assertEquals(await limitOf({ check: patient }), "no answer within 3000 ms");
  assertEquals(await limitOf({ check: patient, timeout: 10 }), "no answer within 10 ms");
});

const WAIT = "expected milliseconds from 1 to 2147483647";
const REFUSED: [options: Record<string, unknown>, message: string][] = [
  [{ interval: NaN }, `"interval": ${WAIT}, found NaN`],
  [{ interval: "5s" }, `"interval": ${WAIT}, found 5s`],
  [{ interval: 0 }, `"interval": ${WAIT}, found 0`],
  [{ timeout: -1 }, `"timeout": ${WAIT}, found -1`],
  [{ timeout: Infinity }, `"timeout": ${WAIT}, found Infinity`],
  [{ downInterval: 0 }, `"downInterval": ${WAIT}, found 0`],
  [{ jitter: 1.5 }, '"jitter": expected a number from 0 to 1, found 1.5'],
  [{ concurrency: 0 }, '"concurrency": expected a whole number >= 1, found 0'],
  [{ fall: 0 }, '"fall": expected a whole number >= 1, found 0'],
  [{ rise: NaN }, '"rise": expected a whole number >= 1, found NaN'],
  [{ check: 5 }, '"check": expected a function, found 5'],
];

for (const [health, message] of REFUSED) {
  const [[name, value]] = Object.entries(health) as [[string, unknown]];
  Deno.test(`a health check whose ${name} is ${value} is refused`, () => {
    const error = assertThrows(() => new HealthChecks(() => [], health), RangeError) as Error;
    assertEquals(error.message, `Cannot use health check ${message}`);
  });
}
