import { assert, assertEquals } from "@std/assert";
import { captureLog } from "../support/captured_log.ts";
import { cannedOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, requestText, responseText, within } from "../support/wire.ts";
import { RESTART_AFTER, supervise } from "../../src/proxy/background.ts";
import type { BackgroundService } from "../../src/mod.ts";

/** A service that runs until its signal and tells what happens to it. */
function steady(
  name: string,
): BackgroundService & { started: Promise<void>; stopped: Promise<void>; runs: number } {
  const started = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  return {
    name,
    started: started.promise,
    stopped: stopped.promise,
    runs: 0,
    async run(signal) {
      this.runs++;
      started.resolve();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      stopped.resolve();
    },
  };
}

/** Replaces `setTimeout`, which nothing else in this file's thread uses meanwhile, by one that is called by hand. */
function handTimers(): Disposable & { pauses: number[]; next(): Promise<void> } {
  const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
  const pauses: number[] = [];
  const due: (() => void)[] = [];
  let waiting = () => {};
  globalThis.setTimeout = ((run: () => void, ms: number) => {
    pauses.push(ms);
    due.push(run);
    waiting();
    return pauses.length;
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = () => {};
  return {
    pauses,
    async next() {
      if (due.length === 0) await new Promise<void>((resolve) => waiting = resolve);
      due.shift()!();
    },
    [Symbol.dispose]() {
      globalThis.setTimeout = realSet;
      globalThis.clearTimeout = realClear;
    },
  };
}

Deno.test("services start with the proxy and stop with it", async () => {
  const services = [steady("one"), steady("two")];
  {
    await using _proxy = testProxy({ backgroundServices: services, requestFilter: () => new Response() });
    await Promise.all(services.map(({ started }) => started));
  }
  await Promise.all(services.map(({ stopped }) => stopped));
  assertEquals(services.map(({ runs }) => runs), [1, 1]);
});

Deno.test("stopping waits until the services are done", async () => {
  let done = false;
  const service: BackgroundService = {
    name: "tidy",
    async run(signal) {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      await new Promise((resolve) => setTimeout(resolve, 0));
      done = true;
    },
  };
  {
    await using _proxy = testProxy({ backgroundServices: [service], requestFilter: () => new Response() });
  }
  assert(done, "the service had its time to tidy up");
});

Deno.test("a service that fails touches neither requests nor the other services", async () => {
  using log = captureLog();
  await using origin = cannedOrigin(responseText("hello"));
  const other = steady("other");
  const failing: BackgroundService[] = [
    { name: "rejecting", run: () => Promise.reject(new Error("no luck")) },
    {
      name: "throwing",
      run() {
        throw new Error("no luck either");
      },
    },
  ];
  await using proxy = testProxy({
    backgroundServices: [...failing, other],
    upstreamPeer: () => ({ address: origin.address }),
  });
  assertEquals(
    await log.line("rejecting"),
    "ERROR background service rejecting failed: Error: no luck; starting it again in 1 s",
  );
  await log.line("background service throwing failed: Error: no luck either");
  await other.started;
  const { status } = parseMessage(await send(proxy.address, requestText("GET", "/")));
  assertEquals([status, other.runs], [200, 1]);
  // The proxy stops here, in the middle of the pause, which must not keep it: the sanitizers would see the timer.
});

Deno.test("a service is started again after pauses that double up to the longest", async () => {
  using log = captureLog();
  using timers = handTimers();
  const stopping = new AbortController();
  let runs = 0;
  const supervised = supervise(
    { name: "flaky", run: () => Promise.reject(new Error(`${++runs}`)) },
    stopping.signal,
  );
  const [first, longest] = RESTART_AFTER;
  const expected = Array.from({ length: 9 }, (_, i) => Math.min(first * 2 ** i, longest));
  for (let i = 0; i < expected.length - 1; i++) await timers.next();
  while (timers.pauses.length < expected.length) await Promise.resolve();
  stopping.abort();
  await supervised;
  assertEquals(timers.pauses, expected);
  assertEquals([first, longest], [1_000, 60_000]);
  assertEquals([runs, log.lines.length], [9, 9]);
  assertEquals(log.lines[1], "ERROR background service flaky failed: Error: 2; starting it again in 2 s");
  assert(log.lines.at(-1)!.endsWith("starting it again in 60 s"), log.lines.at(-1)!);
});

Deno.test("a service that ran for longer than the longest pause is started again after the first pause", async () => {
  using log = captureLog();
  using timers = handTimers();
  const [first, longest] = RESTART_AFTER;
  // How long each run lasts.
  const runs = [0, 0, longest, longest + 1, 0, 0];
  let now = 0;
  const { performance: real } = globalThis;
  globalThis.performance = { now: () => now } as Performance;
  try {
    const stopping = new AbortController();
    let run = 0;
    const supervised = supervise({
      name: "flaky",
      run() {
        now += runs[run++] ?? 0;
        return Promise.reject(new Error("no luck"));
      },
    }, stopping.signal);
    for (let i = 0; i < runs.length - 1; i++) await timers.next();
    while (timers.pauses.length < runs.length) await Promise.resolve();
    stopping.abort();
    await supervised;
  } finally {
    globalThis.performance = real;
  }
  assertEquals(timers.pauses, [1, 2, 4, 1, 2, 4].map((factor) => factor * first));
  assertEquals(log.lines.length, runs.length);
});

Deno.test("a service that is done is not started again", async () => {
  using log = captureLog();
  let runs = 0;
  await supervise({
    name: "done",
    run() {
      runs++;
      return Promise.resolve();
    },
  }, new AbortController().signal);
  assertEquals([runs, log.lines], [1, []]);
});

Deno.test("what a service fails with because it was stopped is no failure", async () => {
  using log = captureLog();
  const stopping = new AbortController();
  const supervised = supervise({
    name: "abrupt",
    run: (signal) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true })
      ),
  }, stopping.signal);
  stopping.abort();
  await within(supervised, "the service to stop");
  assertEquals(log.lines, []);
});

Deno.test("a service whose turn never came is not started", async () => {
  let runs = 0;
  await supervise({
    name: "late",
    run() {
      runs++;
      return Promise.resolve();
    },
  }, AbortSignal.abort());
  assertEquals(runs, 0);
});
