/**
 * One module text, in process and sandboxed: what the upstream, the client and `logging` get is the same to the byte.
 *
 * What cannot be the same, and is left out here:
 * - A hook that throws is a 500 in process and a 503 sandboxed with `fail: closed`, as there it counts as unavailable.
 * - `session` is one object for all hooks of a request only where the module exports `newContext`; without it, nothing of
 *   a request is kept in a worker, and with several workers its hooks run in any of them.
 * - State of the module itself (counters, a balancer's position) is one per worker.
 * - `upstreamPeer` runs right after `requestFilter`, in the same call: before the proxy has looked at what it changed.
 * - `elapsed`, `bytesSent` and `bytesReceived` are those of the moment of the call.
 * - Errors come as their type, message and `retrySafe`; the cause stays behind.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { ProxyModule } from "../../src/mod.ts";
import { type CapturedLog, captureLog } from "../support/captured_log.ts";
import { deadAddress, httpOrigin, rawOrigin } from "../support/origin.ts";
import { e2e } from "../support/process.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { sandboxed } from "../support/sandbox.ts";
import { send } from "../support/send.ts";
import { chunked, letters, requestText, responseText } from "../support/wire.ts";
import { wireOrigin } from "../support/wire_origin.ts";

/** How the module is run. */
const WAYS = ["in process", "1 worker", "2 workers"] as const;

async function moduleFor(way: typeof WAYS[number], addresses: string[]): Promise<ProxyModule> {
  if (way !== "in process") {
    return await sandboxed("every_hook.ts", addresses, { workers: way === "1 worker" ? 1 : 2 });
  }
  const module = await import("../support/modules/every_hook.ts");
  module.upstreams.splice(0, 2, ...addresses.map((address) => ({ address })));
  return module;
}

/** What can be seen of a run from outside. */
interface Seen {
  /** The request, as the origin got it. */
  upstream: string[];
  /** The answer. */
  answer: string;
  /** What `logging` told. */
  trace: string;
}

/** A request, and the answer that the origin gives. */
interface Scenario {
  name: string;
  request: string;
  answer: string;
  /** Begins with a request whose connection the origin closes, so that this one finds it stale. */
  afterStale?: boolean;
}

const id = "X-Request-Id: the-id\r\n";
const SCENARIOS: Scenario[] = [
  {
    name: "a GET, with fields to take out and to double",
    request: requestText("GET", "/a?b=c", `${id}X-Remove: me\r\nX-Keep: kept\r\n`),
    answer: responseText("hello", "X-Secret: s\r\nX-Two: 1\r\nx-two: 2\r\n"),
  },
  { name: "a HEAD", request: requestText("HEAD", "/", id), answer: responseText("").replace("0", "5") },
  {
    name: "a status that a filter changes",
    request: requestText("GET", "/created", id),
    answer: responseText("new"),
  },
  {
    name: "a POST with a length",
    request: requestText("POST", "/", `${id}Content-Length: 9\r\n`, "some text"),
    answer: responseText("got it"),
  },
  {
    name: "a POST in chunks",
    request: requestText("POST", "/", `${id}Transfer-Encoding: chunked\r\n`, chunked(["some", " text"])),
    answer: responseText("got it"),
  },
  {
    name: "a POST whose chunk is passed as it is",
    request: requestText("POST", "/", `${id}Content-Length: 5\r\n`, "=same"),
    answer: responseText("got it"),
  },
  {
    name: "a POST whose chunk is dropped",
    request: requestText("POST", "/", `${id}Content-Length: 5\r\n`, "#gone"),
    answer: responseText("got it"),
  },
  {
    name: "a response in chunks",
    request: requestText("GET", "/", id),
    answer: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(["one", "two", "three"])}`,
  },
  {
    name: "a response of 30 KB",
    request: requestText("GET", "/", id),
    answer: responseText(letters(30_000)),
  },
  { name: "a 204", request: requestText("GET", "/", id), answer: "HTTP/1.1 204 No Content\r\n\r\n" },
  { name: "an early answer", request: requestText("GET", "/early", id), answer: "" },
  {
    name: "an upstream that is down, then another",
    request: requestText("GET", "/dead", id),
    answer: responseText("ok"),
  },
  {
    name: "a POST to an upstream that is down, then another",
    request: requestText("POST", "/dead", `${id}Content-Length: 9\r\n`, "some text"),
    answer: responseText("ok"),
  },
  { name: "upstreams that are all down", request: requestText("GET", "/dead-for-ever", id), answer: "" },
  { name: "an answer that is none", request: requestText("GET", "/", id), answer: "What?\r\n\r\n" },
  {
    name: "a GET on a stale connection",
    request: requestText("GET", "/", id),
    answer: responseText("fresh"),
    afterStale: true,
  },
  {
    name: "a POST on a stale connection",
    request: requestText("POST", "/", `${id}Content-Length: 9\r\n`, "some text"),
    answer: responseText("fresh"),
    afterStale: true,
  },
];

async function run(
  way: typeof WAYS[number],
  scenario: Scenario,
  dead: string,
  log: CapturedLog,
): Promise<Seen> {
  let stale = scenario.afterStale ?? false;
  await using origin = wireOrigin((request) =>
    stale ? responseText("first") : scenario.answer || request.line
  );
  await using proxy = testProxy(await moduleFor(way, [origin.address, dead]));
  if (stale) {
    await send(proxy.address, requestText("GET", "/first"));
    await proxy.ended(1);
    stale = false;
  }
  const from = log.lines.length;
  const before = origin.requests.length;
  const answer = await send(proxy.address, scenario.request);
  const trace = await log.line("trace the-id", from);
  return {
    upstream: origin.requests.slice(before).map(({ text }) => text.replaceAll(origin.address, "origin")),
    answer: answer.replace(/\r\ndate: [^\r]*/i, ""),
    trace: trace.replace(/^.*trace the-id/, ""),
  };
}

for (const scenario of SCENARIOS) {
  e2e(`in process and sandboxed alike: ${scenario.name}`, async () => {
    using log = captureLog();
    const dead = deadAddress();
    const [inProcess, ...others] = await inTurn(WAYS, (way) => run(way, scenario, dead, log));
    assert(inProcess!.answer !== "", "there is an answer");
    for (const [i, other] of others.entries()) assertEquals(other, inProcess, WAYS[i + 1]);
  });
}

async function inTurn<T, R>(all: readonly T[], next: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const one of all) results.push(await next(one));
  return results;
}

e2e(
  "in process and sandboxed alike: a connection that dies under the request, and the retry of its body",
  async () => {
    using log = captureLog();
    const runs = await inTurn(WAYS, async (way) => {
      const bodies: string[] = [];
      await using origin = rawOrigin(async (connection) => {
        await connection.readHead();
        if (connection.number === 1) {
          await connection.write(responseText("first"));
          // The second request on it is read and not answered.
          await connection.readHead();
          await connection.readUntil("0\r\n\r\n", connection.received.length - 7);
          return;
        }
        await connection.readUntil("0\r\n\r\n");
        bodies.push(connection.received.slice(connection.received.indexOf("\r\n\r\n")));
        await connection.write(responseText("again"));
      });
      await using proxy = testProxy(await moduleFor(way, [origin.address, deadAddress()]));
      await send(proxy.address, requestText("GET", "/first"));
      await proxy.ended(1);
      const from = log.lines.length;
      const request = requestText("PUT", "/", `${id}Content-Length: 9\r\n`, "some text");
      const answer = (await send(proxy.address, request)).replace(/\r\ndate: [^\r]*/i, "");
      return { bodies, answer, trace: (await log.line("trace the-id", from)).replace(/^.*trace the-id/, "") };
    });
    assertEquals(runs[0]!.bodies.length, 1);
    assert(runs[0]!.trace.includes("error 0 upstream_closed true"), runs[0]!.trace);
    assertEquals(runs[1], runs[0]);
    assertEquals(runs[2], runs[0]);
  },
);

e2e("in process and sandboxed alike: a client that goes away in the middle of a body", async () => {
  using log = captureLog();
  const traces = await inTurn(WAYS, async (way) => {
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin");
      await connection.closed();
    });
    await using proxy = testProxy(await moduleFor(way, [origin.address, deadAddress()]));
    using client = await rawClient(proxy.address);
    const from = log.lines.length;
    await client.write(`GET / HTTP/1.1\r\nHost: a\r\n${id}\r\n`);
    await client.readHead();
    client.close();
    return (await log.line("trace the-id", from)).replace(/^.*trace the-id/, "");
  });
  assert(traces[0]!.endsWith("499 0 0 1 1 true client_gone"), traces[0]);
  assertEquals(traces, [traces[0], traces[0], traces[0]]);
});

e2e("in process and sandboxed alike: a load balancer with health checks", async () => {
  using _log = captureLog();
  for (const way of WAYS) {
    await using one = httpOrigin(() => new Response("one"));
    await using two = httpOrigin(() => new Response("two"));
    const addresses = [one.address, two.address, deadAddress()];
    let module: ProxyModule;
    if (way === "in process") {
      module = await import("../support/modules/balanced.ts");
      (module.upstreams as { replace(peers: unknown): void }).replace(
        addresses.map((address) => ({ address })),
      );
    } else module = await sandboxed("balanced.ts", addresses, { workers: way === "1 worker" ? 1 : 2 });
    await using proxy = testProxy(module);
    // Until the checks have found out, a request may need a second attempt.
    const seen = new Set<string>();
    let sure = 0;
    for (let i = 0; sure < 8 && i < 2_000; i++) {
      seen.add((await send(proxy.address, requestText("GET", "/"))).split("\r\n\r\n")[1]!);
      sure = (await proxy.ended(i + 1)).attempts === 1 ? sure + 1 : 0;
    }
    assertEquals([...seen].sort(), ["one", "two"], way);
    assertEquals(proxy.counters.byClass[5], 0, way);
  }
});
