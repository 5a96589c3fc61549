import { assertEquals } from "@std/assert";
import type { Peer } from "../../src/mod.ts";
import { cannedOrigin, httpOrigin, type RawConnection, rawOrigin } from "../support/origin.ts";
import { rawClient, type TestProxy, testProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";
import { responseText, within } from "../support/wire.ts";

/** Asks the proxy once; the body of the answer. */
async function ask(proxy: TestProxy, path = "/"): Promise<string> {
  const response = await fetch(proxy.url + path);
  const text = await response.text();
  assertEquals(response.status, 200, text);
  return text;
}

/** Asks as often as there are paths, all at once, and waits until all of them wait at the origin. */
async function askTogether(proxy: TestProxy, origin: { waiting: number }, paths: string[]) {
  const answers = paths.map((path) => ask(proxy, path));
  await until("all requests are at the origin", () => origin.waiting === paths.length);
  return answers;
}

/** An origin that answers with the connection's number; `/hold/...` only when told to. */
function numberedOrigin() {
  const held = new Map<string, () => void>();
  const closed: number[] = [];
  const origin = rawOrigin(async (connection) => {
    for (let head; (head = await connection.readHead()) !== null;) {
      const path = head.split(" ")[1]!;
      if (path.startsWith("/hold")) await new Promise<void>((resolve) => held.set(path, resolve));
      await connection.write(responseText(String(connection.number)));
    }
    closed.push(connection.number);
  });
  return {
    address: origin.address,
    /** The numbers of the connections that the proxy closed. */
    closed,
    get waiting() {
      return held.size;
    },
    /** Answers a held request. */
    release(path: string) {
      held.get(path)!();
      held.delete(path);
    },
    [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose](),
  };
}

Deno.test("the connection used most recently is the next to be used", async () => {
  await using origin = numberedOrigin();
  await using proxy = testProxy(origin.address);
  const [a, b, c] = await askTogether(proxy, origin, ["/hold/a", "/hold/b", "/hold/c"]);
  const inOrder: (string | undefined)[] = [];
  for (const [path, answer] of [["/hold/b", b], ["/hold/c", c], ["/hold/a", a]] as const) {
    origin.release(path);
    inOrder.push(await answer);
  }
  assertEquals(inOrder.toSorted(), ["1", "2", "3"]);
  assertEquals(proxy.idleConnections, 3);
  for (let i = 0; i < 3; i++) assertEquals(await ask(proxy), inOrder[2]);
});

Deno.test("no more than maxIdle connections are kept, those used last", async () => {
  await using origin = numberedOrigin();
  const peer: Peer = { address: origin.address, maxIdle: 2 };
  await using proxy = testProxy({ upstreamPeer: () => peer });
  const paths = ["/hold/a", "/hold/b", "/hold/c", "/hold/d"];
  const answers = await askTogether(proxy, origin, paths);
  const inOrder: number[] = [];
  for (const [i, path] of paths.entries()) {
    origin.release(path);
    inOrder.push(Number(await answers[i]));
  }
  assertEquals(proxy.idleConnections, 2);
  await until("two connections are closed", () => origin.closed.length === 2);
  assertEquals(origin.closed.toSorted(), inOrder.slice(0, 2).toSorted());
});

Deno.test("no more than 1024 connections are kept in all, however many groups of peers there are", async () => {
  await using origin = cannedOrigin(responseText("ok"));
  let group = 0;
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address, group: String(group++) }),
  });
  using client = await rawClient(proxy.address);
  for (let i = 0; i < 1026; i++) {
    await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.readUntil("\r\n\r\nok");
    client.received = "";
  }
  assertEquals([origin.connections, proxy.idleConnections], [1026, 1024]);
});

Deno.test("maxIdle 0 keeps no connection", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  const peer: Peer = { address: origin.address, maxIdle: 0 };
  await using proxy = testProxy({ upstreamPeer: () => peer });
  for (let i = 0; i < 2; i++) await ask(proxy);
  assertEquals([proxy.idleConnections, proxy.counters.connects], [0, 2]);
});

/** What an upstream can do to an idle connection. */
const EVENTS: { name: string; happen: (connection: RawConnection) => Promise<void> | void }[] = [
  { name: "its upstream closes", happen: (connection) => connection.close() },
  { name: "its upstream half-closes", happen: (connection) => connection.closeWrite() },
  { name: "its upstream writes a response unasked to", happen: (c) => c.write(responseText("poison")) },
  { name: "its upstream writes a single byte to", happen: (connection) => connection.write("\n") },
];

for (const { name, happen } of EVENTS) {
  Deno.test(`an idle connection that ${name} leaves the pool and is closed`, async () => {
    const [now, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using origin = rawOrigin(async (connection) => {
      if (connection.number > 1) {
        while (await connection.readHead() !== null) await connection.write(responseText("second"));
        return;
      }
      await connection.readHead();
      await connection.write(responseText("first"));
      await now.promise;
      await happen(connection);
      await connection.closed();
      closed.resolve();
    });
    await using proxy = testProxy(origin.address);
    assertEquals(await ask(proxy), "first");
    assertEquals(proxy.idleConnections, 1);
    now.resolve();
    await until("the connection left the pool", () => proxy.idleConnections === 0);
    await within(closed.promise, "the proxy to close its side");
    for (let i = 0; i < 2; i++) assertEquals(await ask(proxy), "second");
    assertEquals((await proxy.ended(3)).attempts, 1);
    assertEquals([proxy.counters.connects, proxy.counters.reuses], [2, 1]);
  });
}

const RESPONSES: { name: string; text: string; isKept: boolean }[] = [
  { name: "with a length", text: responseText("ok"), isKept: true },
  {
    name: "in chunks",
    text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    isKept: true,
  },
  { name: "without body", text: "HTTP/1.1 204 No Content\r\n\r\n", isKept: true },
  {
    name: "of HTTP/1.0 with keep-alive",
    text: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
    isKept: true,
  },
  {
    name: "with Keep-Alive: timeout=600",
    text: responseText("ok", "Keep-Alive: timeout=600\r\n"),
    isKept: true,
  },
  { name: "of HTTP/1.0", text: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", isKept: false },
  { name: "with Connection: close", text: responseText("ok", "Connection: Close\r\n"), isKept: false },
  {
    name: "with close among other options",
    text: responseText("ok", "Connection: x-a, close\r\n"),
    isKept: false,
  },
  {
    name: "with Keep-Alive: timeout=0",
    text: responseText("ok", "Keep-Alive: timeout=0\r\n"),
    isKept: false,
  },
  { name: "with more bytes after its end", text: `${responseText("ok")}x`, isKept: false },
  {
    name: "with another response after its end",
    text: responseText("ok") + responseText("poison"),
    isKept: false,
  },
];

for (const { name, text, isKept } of RESPONSES) {
  Deno.test(`after a response ${name} the connection is ${isKept ? "kept" : "closed"}`, async () => {
    await using origin = cannedOrigin(text);
    await using proxy = testProxy(origin.address);
    for (let i = 0; i < 2; i++) {
      const body = await (await fetch(proxy.url)).text();
      assertEquals(body, text.includes(" 204 ") ? "" : "ok");
    }
    assertEquals(proxy.idleConnections, isKept ? 1 : 0);
    assertEquals(proxy.counters.connects, isKept ? 1 : 2);
  });
}

/** Reasons for an idle connection to be closed by the proxy after a while. */
const AGES: { name: string; lines: string; timeouts: Peer["timeouts"] }[] = [
  { name: "the peer's poolIdle", lines: "", timeouts: { poolIdle: 100 } },
  { name: "the upstream's own Keep-Alive time-out", lines: "Keep-Alive: timeout=1, max=9\r\n", timeouts: {} },
];

for (const { name, lines, timeouts } of AGES) {
  Deno.test(`an idle connection is closed after ${name}`, async () => {
    const closed = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write(responseText("ok", lines));
      await connection.closed();
      closed.resolve();
    });
    const peer: Peer = { address: origin.address, timeouts: timeouts! };
    await using proxy = testProxy({ upstreamPeer: () => peer });
    await ask(proxy);
    await within(closed.promise, "the idle connection to be closed");
    assertEquals(proxy.idleConnections, 0);
  });
}

Deno.test("poolIdle 0 keeps no connection", async () => {
  await using origin = numberedOrigin();
  const peer: Peer = { address: origin.address, timeouts: { poolIdle: 0 } };
  await using proxy = testProxy({ upstreamPeer: () => peer });
  assertEquals([await ask(proxy), proxy.idleConnections, await ask(proxy)], ["1", 0, "2"]);
  await until("both connections are closed", () => origin.closed.length === 2);
});

Deno.test("stopping the proxy closes idle connections", async () => {
  await using origin = numberedOrigin();
  const proxy = testProxy(origin.address);
  const answers = await askTogether(proxy, origin, ["/hold/a", "/hold/b"]);
  for (const path of ["/hold/a", "/hold/b"]) origin.release(path);
  await Promise.all(answers);
  assertEquals([proxy.idleConnections, origin.closed], [2, []]);
  await proxy[Symbol.asyncDispose]();
  await until("both connections are closed", () => origin.closed.length === 2);
  assertEquals(proxy.idleConnections, 0);
});

Deno.test("peers of other addresses do not share a connection", async () => {
  await using one = httpOrigin(() => new Response("one"));
  await using two = httpOrigin(() => new Response("two"));
  await using proxy = testProxy({
    upstreamPeer: ({ request }) => ({ address: request.target === "/one" ? one.address : two.address }),
  });
  for (const name of ["one", "two", "one", "two"]) assertEquals(await ask(proxy, `/${name}`), name);
  assertEquals([proxy.idleConnections, proxy.counters.reuses], [2, 2]);
});

Deno.test("a connection that two peers share follows the time-outs of the one it is used for", async () => {
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(responseText("ok"));
    await connection.readHead();
    await connection.closed();
  });
  const peers: Peer[] = [{ address: origin.address }, {
    address: origin.address,
    timeouts: { firstByte: 100 },
  }];
  await using proxy = testProxy({ upstreamPeer: ({ request }) => peers[Number(request.target.slice(1))]! });
  assertEquals(await ask(proxy, "/0"), "ok");
  const response = await within(fetch(`${proxy.url}/1`), "the second peer's first byte time-out");
  await response.body?.cancel();
  assertEquals([response.status, proxy.counters.reuses], [504, 1]);
});
