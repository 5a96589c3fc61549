import { assertEquals } from "@std/assert";
import { countingOrigin } from "../support/counting_origin.ts";
import { onBothFronts } from "../support/fronts.ts";
import { deadAddress, rawOrigin } from "../support/origin.ts";
import { rawClient, type TestProxy, testProxy } from "../support/proxy.ts";
import type { HookName } from "../support/recorder.ts";
import { send } from "../support/send.ts";
import { until } from "../support/until.ts";
import { chunked, parseMessage, requestText, responseText, within } from "../support/wire.ts";
import type { ProxyModule } from "../../src/mod.ts";

const GET = requestText("GET", "/");
const PUT = requestText("PUT", "/", "Transfer-Encoding: chunked\r\n", chunked(["hi"]));

/** The hooks that a request waits for; `logging` is waited for by nobody. */
const WAITED: HookName[] = [
  "newContext",
  "requestFilter",
  "upstreamPeer",
  "failToConnect",
  "connectedToUpstream",
  "upstreamRequestFilter",
  "requestBodyFilter",
  "upstreamResponseFilter",
  "responseFilter",
  "responseBodyFilter",
  "errorWhileProxy",
  "failToProxy",
];

/** A module in which `hook` does not come back before `release` is called, and says when it is called. */
interface Stuck {
  module: ProxyModule;
  called: Promise<void>;
  release(): void;
}

function stuckIn(hook: HookName, upstream: string): Stuck {
  const called = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const module: ProxyModule = {
    options: { retries: 0 },
    upstreamPeer: () => ({ address: upstream }),
    [hook]() {
      called.resolve();
      return released.promise;
    },
  };
  return { module, called: called.promise, release: released.resolve };
}

/** Lets a request that should have ended, but did not, end before its proxy has to. */
async function letGo(stuck: Stuck, proxy: TestProxy): Promise<void> {
  stuck.release();
  await until("no request is under way", () => proxy.counters.active === 0);
}

/** An upstream in front of which `hook` is called. */
function upstreamFor(
  hook: HookName,
): AsyncDisposable & { address: string; settled(idle: () => number): Promise<void> } {
  const settled = () => Promise.resolve();
  if (hook === "failToConnect" || hook === "failToProxy") {
    return { address: deadAddress(), settled, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  if (hook === "errorWhileProxy") {
    return Object.assign(rawOrigin(async (connection) => void await connection.readHead()), { settled });
  }
  return countingOrigin(responseText("hello"));
}

for (const hook of WAITED) {
  // The body comes in one packet with its head: Deno.serve does not tell of a client that left after a later body.
  const request = hook === "requestBodyFilter" ? PUT : GET;

  // The answer to a failure may come after the deadline: it can be what the deadline itself is answered with.
  if (hook !== "failToProxy") {
    Deno.test(`a ${hook} that never comes back ends at the total time-out`, async () => {
      await using upstream = upstreamFor(hook);
      const stuck = stuckIn(hook, upstream.address);
      await using proxy = testProxy({ ...stuck.module, options: { totalTimeout: 200, retries: 0 } });
      using client = await rawClient(proxy.address);
      await client.write(request);
      try {
        await within(client.closed(), "the answer", 3_000);
        const entry = await proxy.ended(1);
        assertEquals([parseMessage(client.received).status, entry.status, entry.flag], [504, 504, "DT"]);
        assertEquals(proxy.counters.active, 0);
        await upstream.settled(() => proxy.idleConnections);
      } finally {
        await letGo(stuck, proxy);
      }
    });
  }

  onBothFronts(`a ${hook} that never comes back ends when the client leaves`, async (front) => {
    await using upstream = upstreamFor(hook);
    const stuck = stuckIn(hook, upstream.address);
    await using proxy = testProxy(stuck.module, { front });
    using client = await rawClient(proxy.address);
    await client.write(request);
    await stuck.called;
    client.close();
    try {
      const entry = await within(proxy.ended(1), "the end of the request", 3_000);
      assertEquals([entry.status, entry.flag], [499, "DC"]);
      assertEquals([proxy.counters.active, proxy.counters.clientGone], [0, 1]);
      await upstream.settled(() => proxy.idleConnections);
    } finally {
      await letGo(stuck, proxy);
    }
  });
}

onBothFronts("a logging that never comes back holds nothing up", async (front) => {
  await using origin = countingOrigin(responseText("hello"));
  await using proxy = testProxy(stuckIn("logging", origin.address).module, { front });
  for (const n of [1, 2]) {
    assertEquals(parseMessage(await send(proxy.address, GET)).status, 200);
    await proxy.ended(n);
  }
  assertEquals(proxy.counters.active, 0);
});

onBothFronts("what a hook does after its request was given up changes nothing", async (front) => {
  await using origin = countingOrigin(responseText("hello"));
  const late = Promise.withResolvers<void>();
  let answered = 0;
  await using proxy = testProxy({
    options: { totalTimeout: 200 },
    async upstreamPeer() {
      await late.promise;
      answered++;
      if (answered === 1) throw new Error("too late");
      return { address: origin.address };
    },
  }, { front });
  const both = [1, 2].map(() => send(proxy.address, GET));
  for (const text of await Promise.all(both)) assertEquals(parseMessage(text).status, 504);
  late.resolve();
  assertEquals(parseMessage(await send(proxy.address, GET)).status, 200);
  assertEquals([answered, origin.connections, proxy.entries.length], [3, 1, 3]);
});

onBothFronts("the total time-out holds for the attempt after a response that broke off", async (front) => {
  await using breaking = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\nshort");
  });
  await using silent = rawOrigin((connection) => connection.closed());
  await using proxy = testProxy({
    options: { totalTimeout: 400, retries: 1 },
    upstreamPeer: ({ attempts }) => ({
      address: attempts === 0 ? breaking.address : silent.address,
      timeouts: { firstByte: 3_000 },
    }),
    errorWhileProxy: () => true,
  }, { front });
  const { status } = parseMessage(await send(proxy.address, GET));
  const entry = await proxy.ended(1);
  assertEquals([status, entry.attempts, entry.flag], [504, 2, "DT"]);
});
