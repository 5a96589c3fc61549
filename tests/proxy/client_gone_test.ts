/*
 * What cannot be tested: a client that leaves after its streamed upload was complete, while the upstream is still at
 * work on it. Deno.serve does not tell of it over HTTP/1 before the answer is written, so that the request goes on to
 * its end. A client that leaves before the upload's end is seen, and so is one whose body came with its head.
 */
import { assert, assertEquals } from "@std/assert";
import { type Flow, push, quiet } from "../support/flow.ts";
import { type FrontName, onBothFronts } from "../support/fronts.ts";
import { type Origin, type RawConnection, rawOrigin } from "../support/origin.ts";
import { rawClient, type TestProxy, testProxy } from "../support/proxy.ts";
import { parseMessage, requestText, responseText, within } from "../support/wire.ts";
import type { ProxyError, ProxyModule } from "../../src/mod.ts";

const SOON = 5_000;
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** An origin whose connection tells of its steps. */
interface Watched extends Origin {
  /** Resolves when `before` was done. */
  ready: Promise<void>;
  /** Resolves with what was received when the proxy has closed the connection. */
  closed: Promise<string>;
}

function watchedOrigin(before: (connection: RawConnection) => Promise<unknown>): Watched {
  const ready = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<string>();
  const origin = rawOrigin(async (connection) => {
    await before(connection);
    ready.resolve();
    await connection.closed();
    closed.resolve(connection.received);
  });
  return Object.assign(origin, { ready: ready.promise, closed: closed.promise });
}

/** A proxy, with the errors that its `logging` was called with. */
function loggingProxy(front: FrontName, module: ProxyModule): TestProxy & { logged: (ProxyError | null)[] } {
  const logged: (ProxyError | null)[] = [];
  const proxy = testProxy({ ...module, logging: (_session, error) => void logged.push(error) }, { front });
  return Object.assign(proxy, { logged });
}

/** One entry, one call of logging, and counts that say that one client left. */
async function assertGone(proxy: ReturnType<typeof loggingProxy>): Promise<void> {
  const entry = await within(proxy.ended(1), "the end of the request", SOON);
  assertEquals([entry.status, entry.flag], [499, "DC"]);
  assertEquals(proxy.logged.map((error) => error?.type), ["client_gone"]);
  const { active, requests, clientGone, byClass } = proxy.counters;
  assertEquals({ active, requests, clientGone }, { active: 0, requests: 1, clientGone: 1 });
  assertEquals(byClass[4], 1);
  assertEquals(proxy.idleConnections, 0);
}

/** Sends, waits, leaves; then the upstream's connection must close and the books must be right. */
async function leaves(
  front: FrontName,
  { origin, request, received }: {
    origin: Watched;
    request: string;
    /** What the client waits for before it leaves, if for anything. */
    received?: string;
  },
): Promise<void> {
  await using proxy = loggingProxy(front, { upstreamPeer: () => ({ address: origin.address }) });
  using client = await rawClient(proxy.address);
  await client.write(request);
  await within(origin.ready, "the origin to have what it waits for", SOON);
  if (received !== undefined) await client.readUntil(received);
  client.close();
  await within(origin.closed, "the origin's connection to close", SOON);
  await assertGone(proxy);
  assertEquals(proxy.entries.length, 1);
}

const head = (connection: RawConnection) => connection.readHead();

/** Writes part of a response after the request's head. */
function begins(part: string) {
  return async (connection: RawConnection) => {
    await connection.readHead();
    await connection.write(part);
  };
}

onBothFronts("a client that leaves before there is an upstream: none is asked", async (front) => {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using origin = watchedOrigin(head);
  await using proxy = loggingProxy(front, {
    async upstreamPeer() {
      asked.resolve();
      await released.promise;
      return { address: origin.address };
    },
  });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await asked.promise;
  client.close();
  await assertGone(proxy);
  released.resolve();
  await released.promise;
  assertEquals([origin.connections, proxy.entries[0]!.upstream, proxy.entries[0]!.attempts], [0, "-", 0]);
});

onBothFronts("a client that leaves while waiting for the response", async (front) => {
  await using origin = watchedOrigin(head);
  await leaves(front, { origin, request: GET });
});

onBothFronts("a client that leaves within a moment, before a short answer", async (front) => {
  await using proxy = loggingProxy(front, {
    async requestFilter() {
      client.close();
      // Nothing tells when the proxy's socket has learned of it; this is long enough on loopback.
      await new Promise((resolve) => setTimeout(resolve, 20));
      return new Response("too late");
    },
  });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await assertGone(proxy);
});

onBothFronts("a client that leaves after an interim response", async (front) => {
  await using origin = watchedOrigin(begins("HTTP/1.1 100 Continue\r\n\r\n"));
  await leaves(front, { origin, request: GET });
});

onBothFronts("a client that leaves while waiting for the answer to a short upload", async (front) => {
  await using origin = watchedOrigin((connection) => connection.readUntil("hi"));
  await leaves(front, { origin, request: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" });
});

const BODIES: [string, string][] = [
  ["of known length", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin"],
  ["that is gathered", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegin"],
  ["in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n"],
  ["until the close", "HTTP/1.1 200 OK\r\n\r\nbegin"],
];

for (const [name, part] of BODIES) {
  onBothFronts(`a client that leaves in the middle of a body ${name}`, async (front) => {
    await using origin = watchedOrigin(begins(part));
    await leaves(front, { origin, request: GET, received: "begin" });
  });
}

onBothFronts("a client that stopped reading long before it leaves", async (front) => {
  const flowing = Promise.withResolvers<Flow>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    const flow = push(connection, 1_000_000_000);
    flowing.resolve(flow);
    await flow.done;
  });
  await using proxy = loggingProxy(front, { upstreamPeer: () => ({ address: origin.address }) });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await client.readHead();
  const flow = await flowing.promise;
  await quiet(() => flow.pushed);
  client.close();
  assertEquals(await within(flow.done, "the origin's connection to close", SOON), false);
  await assertGone(proxy);
});

onBothFronts("a client that leaves while a response body filter is at work", async (front) => {
  const called = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>();
  await using origin = watchedOrigin(begins("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin"));
  await using proxy = loggingProxy(front, {
    upstreamPeer: () => ({ address: origin.address }),
    responseBodyFilter() {
      called.resolve();
      return never.promise;
    },
  });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await called.promise;
  client.close();
  await within(origin.closed, "the origin's connection to close", SOON);
  await assertGone(proxy);
});

const UPLOADS: [string, string, boolean][] = [
  ["of known length", "Content-Length: 1000000\r\n\r\nbegin", true],
  ["in chunks", "Transfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n", true],
  // It is read to its end before an upstream is asked.
  ["that is short", "Content-Length: 100\r\n\r\nbegin", false],
];

for (const [name, rest, reaches] of UPLOADS) {
  onBothFronts(`a client that leaves during an upload ${name}`, async (front) => {
    await using origin = watchedOrigin((connection) => connection.readUntil("begin"));
    await using proxy = loggingProxy(front, { upstreamPeer: () => ({ address: origin.address }) });
    using client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
    if (reaches) await within(origin.ready, "the origin to have the beginning", SOON);
    client.close();
    await assertGone(proxy);
    if (!reaches) return assertEquals(origin.connections, 0);
    const upload = parseMessage(await within(origin.closed, "the origin's connection to close", SOON));
    assertEquals([upload.body, upload.complete], ["begin", false]);
    assertEquals(proxy.entries[0]!.bytesReceived, 5);
  });
}

onBothFronts("a client that leaves during an upload that was answered already", async (front) => {
  await using origin = watchedOrigin(async (connection) => {
    await connection.readUntil("begin");
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n");
  });
  const request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegin";
  await leaves(front, { origin, request, received: "early" });
});

onBothFronts("a client that leaves in the middle of an answer that a hook streams", async (front) => {
  const cancelled = Promise.withResolvers<void>();
  await using proxy = loggingProxy(front, {
    requestFilter: () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode("begin")),
          cancel: () => cancelled.resolve(),
        }),
      ),
  });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await client.readUntil("begin");
  client.close();
  await within(cancelled.promise, "the hook's stream to be cancelled", SOON);
  await assertGone(proxy);
});

onBothFronts("a client that leaves after its answer is not counted as gone", async (front) => {
  await using origin = rawOrigin(async (connection) => {
    while (await connection.readHead() !== null) await connection.write(responseText("hello"));
  });
  await using proxy = loggingProxy(front, { upstreamPeer: () => ({ address: origin.address }) });
  using client = await rawClient(proxy.address);
  await client.write(requestText("GET", "/"));
  await client.readUntil("hello");
  client.close();
  const entry = await proxy.ended(1);
  assertEquals([entry.status, entry.flag, proxy.counters.clientGone], [200, "-", 0]);
  assert(proxy.logged[0] === null, "no error");
});
