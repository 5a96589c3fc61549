/**
 * Hooks that fail in every way there is: their own request is answered, and nobody else's notices.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { backgroundLoad } from "../support/background_load.ts";
import { captureLog } from "../support/captured_log.ts";
import { httpOrigin } from "../support/origin.ts";
import { partsOrigin } from "../support/parts_origin.ts";
import { e2e, tempFolder } from "../support/process.ts";
import { testProxy } from "../support/proxy.ts";
import { sandboxed } from "../support/sandbox.ts";
import { send, statusOf } from "../support/send.ts";
import { until } from "../support/until.ts";
import { parseMessage, postText, requestText } from "../support/wire.ts";

/** Where a hook fails, how, and what becomes of it. */
interface Case {
  /** `/hook/failure`. */
  target: string;
  /** The statuses with `closed` and `open`; 0 is an answer that is cut off. */
  statuses: [closed: number, open: number];
  /** What the log says of it; the worker is replaced when it says so. */
  log: string;
}

const stuck = "it was stuck";
const hog = "128 MB";
const CASES: Case[] = [
  { target: "/requestFilter/loop", statuses: [503, 200], log: stuck },
  { target: "/requestFilter/late_loop", statuses: [503, 200], log: stuck },
  { target: "/requestFilter/stubborn_loop", statuses: [503, 200], log: stuck },
  {
    target: "/requestFilter/never",
    statuses: [503, 200],
    log: "worker 0 is replaced: hook requestFilter gave no",
  },
  { target: "/requestFilter/throws", statuses: [503, 200], log: "Error: thrown on purpose" },
  { target: "/requestFilter/rejects", statuses: [503, 200], log: "Error: rejected on purpose" },
  {
    target: "/requestFilter/rejection_later",
    statuses: [200, 200],
    log: "unhandled rejection: Error: rejected later",
  },
  { target: "/requestFilter/error_later", statuses: [200, 200], log: "uncaught error: Error: thrown later" },
  { target: "/requestFilter/loop_later", statuses: [200, 200], log: stuck },
  { target: "/requestFilter/big_header", statuses: [503, 200], log: "hook requestFilter: " },
  { target: "/requestFilter/big_body", statuses: [503, 200], log: "hook requestFilter: " },
  { target: "/requestBodyFilter/big_chunk", statuses: [503, 200], log: "hook requestBodyFilter: " },
  { target: "/requestBodyFilter/loop", statuses: [503, 200], log: stuck },
  { target: "/requestBodyFilter/throws", statuses: [503, 200], log: "Error: thrown on purpose" },
  { target: "/responseFilter/loop", statuses: [503, 200], log: stuck },
  { target: "/responseFilter/never", statuses: [503, 200], log: "hook responseFilter gave no answer" },
  { target: "/responseFilter/big_header", statuses: [503, 200], log: "hook responseFilter: " },
  { target: "/responseBodyFilter/loop", statuses: [503, 200], log: stuck },
  { target: "/responseBodyFilter/throws", statuses: [503, 200], log: "Error: thrown on purpose" },
  { target: "/responseBodyFilter/big_chunk", statuses: [503, 200], log: "hook responseBodyFilter: " },
  { target: "/responseBodyFilter/odd", statuses: [503, 200], log: "hook responseBodyFilter: " },
  { target: "/requestFilter/heap_at_once", statuses: [503, 200], log: stuck },
  { target: "/requestFilter/buffers_at_once", statuses: [503, 200], log: stuck },
  { target: "/requestFilter/heap_growing", statuses: [200, 200], log: hog },
  { target: "/requestFilter/buffers_growing", statuses: [200, 200], log: hog },
];

/** A hook has a second; the rest is for a machine that has much else to do. */
const DEADLINE = 4_000;
/** No failure disables the module. */
const breaker = { limit: 1_000, window: 1 };

/** Answers with what it got. */
const echo = () => httpOrigin(async (request) => new Response(`hello ${await request.text()}`));

for (const [i, fail] of (["closed", "open"] as const).entries()) {
  e2e(
    `hooks that fail ${fail}: their request is answered, others of the module and other modules lose nothing`,
    async (t) => {
      using log = captureLog();
      await using origin = echo();
      await using proxy = testProxy(
        await sandboxed("failing.ts", origin.address, { fail, breaker, workers: 2 }),
      );
      await using other = testProxy(await sandboxed("bystander.ts", origin.address));
      await using load = backgroundLoad(other.address, "hello ");
      for (const { target, statuses, log: text } of CASES) {
        await t.step(`${target}, fail ${fail}`, async () => {
          const from = log.lines.length;
          const begun = performance.now();
          const failing = send(proxy.address, postText("some body").replace("POST / ", `POST ${target} `));
          const same = Array.from({ length: 10 }, () => send(proxy.address, requestText("GET", "/")));
          const answer = await failing;
          const took = performance.now() - begun;
          assertEquals(statusOf(answer), statuses[i]!);
          if (statuses[i] === 200) assertEquals(parseMessage(answer).body, "hello some body");
          assert(took < DEADLINE, `it took ${took} ms`);
          for (const message of await Promise.all(same)) assertEquals(parseMessage(message).body, "hello ");
          await log.line(text.replace("worker 0 ", "").replace("is replaced: ", ""), from);
          assertEquals(statusOf(await send(proxy.address, requestText("GET", "/"))), 200);
        });
      }
      await load.stop();
      assertEquals(load.failures, []);
      assert(load.good > 1_000, `${load.good} requests beside`);
    },
  );
}

e2e(
  "a module that fails too often is disabled, says so, answers at once, and is tried again later",
  async () => {
    using log = captureLog();
    let now = 0;
    await using origin = echo();
    const options = { breaker: { limit: 2, now: () => now } };
    await using proxy = testProxy(await sandboxed("failing.ts", origin.address, options));
    const status = async (target: string) => statusOf(await send(proxy.address, requestText("GET", target)));
    assertEquals(await status("/requestFilter/loop"), 503);
    const both = [status("/requestFilter/loop"), status("/requestFilter/loop")];
    assertEquals(await Promise.all(both), [503, 503]);
    await log.line("failing.ts: disabled for 30 s");
    for (let i = 0; i < 20; i++) assertEquals(await status("/"), 503);
    const told = log.lines.filter((line) => line.includes("the module is disabled"));
    assert(told.length >= 20);
    now += 30_000;
    // The worker is not there before the real thirty seconds are over; the call waits for it, and no longer than for a hook.
    assertEquals(await status("/"), 503);
    await log.line("hook requestFilter: no answer within 1000 ms");
  },
);

e2e("a module that fails open is passed by while it is disabled", async () => {
  using log = captureLog();
  await using origin = echo();
  const options = { fail: "open", breaker: { limit: 1 } } as const;
  await using proxy = testProxy(await sandboxed("answers_nothing.ts", origin.address, options));
  await send(proxy.address, requestText("GET", "/loop"));
  await log.line("disabled for 30 s");
  assertEquals(
    statusOf(await send(proxy.address, requestText("GET", "/"))),
    503,
    "nobody chooses an upstream",
  );
});

e2e("a filter that held bytes back and fails open cuts the body off rather than losing them", async () => {
  using log = captureLog();
  await using origin = partsOrigin([
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
    "6\r\nsecond\r\n0\r\n\r\n",
  ]);
  await using proxy = testProxy(await sandboxed("holds_back.ts", origin.address, { fail: "open" }));
  const answer = parseMessage(await send(proxy.address, requestText("GET", "/")));
  assertEquals([answer.complete, answer.body], [false, ""]);
  await log.line("lost what it held");
});

e2e(
  "a module that crashes, never ends or fills the memory while it loads is a problem in words",
  async () => {
    using _log = captureLog();
    using folder = tempFolder();
    const problems: string[] = [];
    for (
      const text of [
        `export {}; throw new Error("not today");`,
        `export {}; await Promise.reject(new TypeError("later"));`,
        `export const requestFilter = 1;`,
        `export function requestFilter( {`,
        `setTimeout(() => { throw new Error("in a timer"); }, 0); export function requestFilter() {}`,
      ]
    ) {
      const file = folder.write(`m${problems.length}.ts`, text);
      try {
        const module = await sandboxed(file, "127.0.0.1:1");
        const stop = new AbortController();
        const stopped = module.backgroundServices![0]!.run(stop.signal);
        stop.abort();
        await stopped;
        problems.push("none");
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
    const [first, second, third, fourth, fifth] = problems as [string, string, string, string, string];
    assertEquals(first, "m0.ts: Error: not today");
    assertEquals(second, "m1.ts: TypeError: later");
    assert(third.includes(`hook "requestFilter" is`), third);
    assert(fourth.startsWith("m3.ts: "), fourth);
    assertEquals(fifth, "none");
  },
);

e2e(
  "a top-level await that never ends is a problem after ten seconds, and leaves nothing behind",
  async () => {
    using folder = tempFolder();
    const file = folder.write("waits.ts", "await new Promise(() => {}); export function requestFilter() {}");
    const problem = await sandboxed(file, "127.0.0.1:1").catch((error) => error.message);
    assertEquals(problem, "waits.ts: it was not loaded within 10 s");
  },
);

e2e("a proxy that stops while a worker is being replaced leaves nothing behind", async () => {
  using log = captureLog();
  await using origin = echo();
  const proxy = testProxy(await sandboxed("failing.ts", origin.address));
  const answers = [send(proxy.address, requestText("GET", "/requestFilter/loop"))];
  await log.line("is replaced");
  answers.push(send(proxy.address, requestText("GET", "/")));
  await until("both are under way or answered", () => proxy.counters.active > 0 || proxy.entries.length > 0);
  await proxy[Symbol.asyncDispose]();
  await Promise.allSettled(answers);
});
