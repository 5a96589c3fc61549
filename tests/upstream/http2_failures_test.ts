/** Upstreams that speak HTTP/2 badly, or not for long. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Peer, PeerTimeouts, ProxyModule } from "../../src/mod.ts";
import { CODE, FRAME, frame, numbersFrame, SETTING } from "../../src/http/http2_frames.ts";
import { type FrameConnection, frameOrigin, type FrameTalk } from "../support/frame_origin.ts";
import { rawOrigin } from "../support/origin.ts";
import { rawClient, type TestProxy, testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { until } from "../support/until.ts";
import { letters, parseMessage, postText, requestText, within } from "../support/wire.ts";

const SHORT = 150;

function proxyTo(
  address: string,
  { timeouts = {}, ...module }: ProxyModule & { timeouts?: Partial<PeerTimeouts> } = {},
  peer: Partial<Peer> = {},
): TestProxy {
  const upstream: Peer = { address, protocol: "http2", timeouts, ...peer };
  return testProxy({ upstreamPeer: () => upstream, ...module }, { front: "tcp" });
}

const get = async (proxy: TestProxy) => parseMessage(await send(proxy.address, requestText("GET", "/")));
const post = async (proxy: TestProxy, body = "hello") =>
  parseMessage(await send(proxy.address, postText(body)));

Deno.test("a refused stream is tried again, a POST as well", async () => {
  let bodies = 0;
  await using origin = frameOrigin({
    onRequest: (connection, id) =>
      id === 1 ? connection.reset(id, CODE.REFUSED_STREAM) : connection.answer(id),
    onFrame: (_, { type, id }) => void (type === FRAME.DATA && id > 1 && bodies++),
  });
  await using proxy = proxyTo(origin.address);
  const { status, body } = await post(proxy);
  assertEquals([status, body, bodies, origin.connections.length], [200, "hello", 1, 1]);
  assertEquals((await proxy.ended(1)).attempts, 2);
});

Deno.test("a stream that is always refused is a 502 after the attempts allowed", async () => {
  await using origin = frameOrigin({
    onRequest: (connection, id) => connection.reset(id, CODE.REFUSED_STREAM),
  });
  await using proxy = proxyTo(origin.address, { options: { retries: 2 } });
  assertEquals((await post(proxy)).status, 502);
  const { flag, attempts } = await proxy.ended(1);
  assertEquals([flag, attempts, origin.connections.length], ["UC", 3, 1]);
});

Deno.test("a request that GOAWAY leaves out goes to a new connection, a POST as well, and costs no attempt", async () => {
  await using origin = frameOrigin({
    async onRequest(connection, id) {
      if (connection.number === 1 && id === 3) await connection.goAway(1);
      else await connection.answer(id);
    },
  });
  await using proxy = proxyTo(origin.address, { options: { retries: 0 } });
  assertEquals([(await post(proxy)).status, (await post(proxy)).status], [200, 200]);
  assertEquals([origin.connections.length, (await proxy.ended(2)).attempts], [2, 1]);
});

Deno.test("an upload that GOAWAY leaves out is not sent again when its beginning is not kept any more", async () => {
  const body = letters(300_000);
  let got = 0;
  await using origin = frameOrigin({
    settings: [SETTING.INITIAL_WINDOW_SIZE, 1 << 24],
    async onRequest(connection, id) {
      await connection.send(numbersFrame(FRAME.WINDOW_UPDATE, 0, 1 << 24));
      if (id === 1) await connection.answer(id);
    },
    async onFrame(connection, { type, id, payload }) {
      if (type !== FRAME.DATA || id === 1) return;
      const before = got;
      got += payload.length;
      if (before < 150_000 && got >= 150_000) await connection.goAway(1);
    },
  });
  await using proxy = proxyTo(origin.address);
  await get(proxy);
  using client = await rawClient(proxy.address);
  const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n";
  await client.write(head + body.slice(0, 200_000));
  await within(client.closed(), "the answer");
  assertEquals(parseMessage(client.received).status, 502);
  assertEquals([(await proxy.ended(2)).attempts, origin.connections.length], [1, 1]);
});

Deno.test("GOAWAY lets the streams that it covers end, and takes no new ones", async () => {
  const first = Promise.withResolvers<FrameConnection>();
  await using origin = frameOrigin({
    async onRequest(connection, id) {
      if (connection.number > 1) return await connection.answer(id);
      await connection.head(id, [":status", "200"]);
      await connection.goAway(1);
      first.resolve(connection);
    },
  });
  await using proxy = proxyTo(origin.address);
  const slow = get(proxy);
  const connection = await first.promise;
  await until("the GOAWAY arrived", () => proxy.idleConnections === 0);
  assertEquals((await get(proxy)).body, "hello");
  await connection.data(1, "late", true);
  assertEquals((await slow).body, "late");
  assertEquals(origin.connections.length, 2);
});

Deno.test("a POST whose stream is reset is not sent twice", async () => {
  await using origin = frameOrigin({ onRequest: (connection, id) => connection.reset(id, CODE.CANCEL) });
  await using proxy = proxyTo(origin.address);
  assertEquals((await post(proxy)).status, 502);
  assertEquals(origin.connections[0]!.frames.filter(({ type }) => type === FRAME.HEADERS).length, 1);
});

Deno.test("a connection that closes unanswered: a GET on a used one is sent again, a POST is not", async () => {
  await using origin = frameOrigin({
    onRequest: (connection, id) => id === 1 ? connection.answer(id) : connection.close(),
  });
  for (const [ask, status] of [[get, 200], [post, 502]] as const) {
    await using proxy = proxyTo(origin.address);
    assertEquals([(await get(proxy)).status, (await ask(proxy)).status], [200, status]);
  }
});

const HEAD = [":status", "200"];
const CUT: Record<string, (connection: FrameConnection, id: number) => Promise<void> | void> = {
  "is reset with CANCEL": (connection, id) => connection.reset(id, CODE.CANCEL),
  "is reset with NO_ERROR": (connection, id) => connection.reset(id, 0),
  "loses its connection": (connection) => connection.close(),
  "goes on with a head": (connection, id) => connection.head(id, HEAD),
  "has a malformed trailer": (connection, id) => connection.head(id, ["x y", "1"], true),
};
for (const [what, cut] of Object.entries(CUT)) {
  Deno.test(`a body whose stream ${what} does not pass for whole`, async () => {
    const begun = Promise.withResolvers<void>();
    await using origin = frameOrigin({
      async onRequest(connection, id) {
        await connection.head(id, HEAD);
        await connection.data(id, "hello");
        await begun.promise;
        await cut(connection, id);
      },
    });
    await using proxy = proxyTo(origin.address);
    using client = await rawClient(proxy.address);
    await client.write(requestText("GET", "/"));
    assert(await within(client.readUntil("hello"), "the beginning"));
    begun.resolve();
    await within(client.closed(), "the end");
    assertEquals(parseMessage(client.received).complete, false);
    assertEquals((await proxy.ended(1)).status, 200);
  });
}

const MALFORMED: Record<string, (connection: FrameConnection, id: number) => Promise<void>> = {
  "no status": (connection, id) => connection.head(id, ["x", "1"], true),
  "a status of two digits": (connection, id) => connection.head(id, [":status", "20"], true),
  "a status behind another field": (connection, id) => connection.head(id, ["x", "1", ...HEAD], true),
  "two statuses": (connection, id) => connection.head(id, [...HEAD, ...HEAD], true),
  "a name in capitals": (connection, id) => connection.head(id, [...HEAD, "X-A", "1"], true),
  "a value of two lines": (connection, id) => connection.head(id, [...HEAD, "x-a", "1\r\nb: 2"], true),
  "a Connection field": (connection, id) => connection.head(id, [...HEAD, "connection", "close"], true),
  "a Transfer-Encoding": (connection, id) => connection.head(id, [...HEAD, "transfer-encoding", "chunked"]),
  "a 101": (connection, id) => connection.head(id, [":status", "101"]),
  "an interim response at its end": (connection, id) => connection.head(id, [":status", "103"], true),
  "a body before its head": (connection, id) => connection.data(id, "hello", true),
  "two lengths": (connection, id) =>
    connection.head(id, [...HEAD, "content-length", "1", "content-length", "1"]),
  "a length that is no number": (connection, id) => connection.head(id, [...HEAD, "content-length", "+1"]),
  "a head that is too large": (connection, id) => connection.head(id, [...HEAD, "x", letters(70_000)], true),
  "too many fields": (connection, id) =>
    connection.head(id, [...HEAD, ...Array.from({ length: 400 }, () => "x")], true),
  async "a body shorter than its length"(connection, id) {
    await connection.head(id, [...HEAD, "content-length", "6"]);
    await connection.data(id, "hello", true);
  },
  async "a body longer than its length"(connection, id) {
    await connection.head(id, [...HEAD, "content-length", "4"]);
    await connection.data(id, "hello", true);
  },
  "a length but no body": (connection, id) => connection.head(id, [...HEAD, "content-length", "6"], true),
  async "interim responses without end"(connection, id) {
    for (let i = 0; i < 33; i++) await connection.head(id, [":status", "103"]);
  },
};
for (const [what, answer] of Object.entries(MALFORMED)) {
  Deno.test(`${what} is a 502, and other streams of the session go on`, async () => {
    await using origin = frameOrigin({
      async onRequest(connection, id, { fields }) {
        if (fields.includes(":path: /bad")) await answer(connection, id);
        else if (!fields.includes(":path: /held")) await connection.answer(id);
        else await connection.head(id, HEAD);
      },
    });
    await using proxy = proxyTo(origin.address, { options: { retries: 0 } });
    const held = send(proxy.address, requestText("GET", "/held"));
    await until(
      "the first request is there",
      () => origin.connections[0]?.frames.at(-1)?.type === FRAME.HEADERS,
    );
    const text = await send(proxy.address, requestText("GET", "/bad"));
    // Behind the interim ones.
    const bad = parseMessage(text.slice(text.lastIndexOf("HTTP/1.1 ")));
    const { flag } = await proxy.ended(1);
    // What is too large to be read at all takes the session with it.
    const isSessionLost = what === "a head that is too large";
    assertEquals([bad.status, flag], [502, "UPE"]);
    if (!isSessionLost) await origin.connections[0]!.data(1, "held", true);
    assertEquals(parseMessage(await held).body, isSessionLost ? "" : "held");
    assertEquals((await get(proxy)).body, "hello");
    assertEquals(origin.connections.length, isSessionLost ? 2 : 1);
  });
}

const BREACHES: Record<string, (connection: FrameConnection, id: number) => Promise<void>> = {
  "data on a stream that was not opened": (connection) => connection.data(99, "hello"),
  "a push": (connection, id) => connection.send(frame(FRAME.PUSH_PROMISE, 4, id, new Uint8Array(4))),
  "a head block that breaks off": async (connection, id) => {
    await connection.send(frame(FRAME.HEADERS, 0, id, new Uint8Array([0x88])));
    await connection.data(id, "hello");
  },
  "a continuation of nothing": (connection, id) =>
    connection.send(frame(FRAME.CONTINUATION, 4, id, new Uint8Array())),
  "a header block that refers to nothing": (connection, id) =>
    connection.send(frame(FRAME.HEADERS, 4, id, new Uint8Array([0xff, 0x20]))),
  "a frame that is too large": (connection, id) =>
    connection.send(frame(FRAME.DATA, 0, id, new Uint8Array(16_385))),
  "padding that is longer than its frame": (connection, id) =>
    connection.send(frame(FRAME.DATA, 8, id, new Uint8Array([9, 1]))),
  "a window that overflows": (connection) =>
    connection.send(numbersFrame(FRAME.WINDOW_UPDATE, 0, 0x7fff_ffff)),
  "settings on a stream": (connection, id) => connection.send(frame(FRAME.SETTINGS, 0, id, new Uint8Array())),
  "a PING of a wrong size": (connection) => connection.send(frame(FRAME.PING, 0, 0, new Uint8Array(7))),
};
for (const [what, breach] of Object.entries(BREACHES)) {
  Deno.test(`${what} ends the session, and its streams are 502`, async () => {
    await using origin = frameOrigin({ onRequest: (connection, id) => breach(connection, id) });
    await using proxy = proxyTo(origin.address, { options: { retries: 0 } });
    assertEquals([(await get(proxy)).status, (await proxy.ended(1)).flag], [502, "UPE"]);
    await within(origin.closed(), "the connection to be closed");
  });
}

const MUTE: Record<string, FrameTalk> = {
  "a response's head": {},
  "more of a body": { onRequest: (connection, id) => connection.head(id, [...HEAD, "content-length", "9"]) },
  "its SETTINGS": { settings: null },
  "leave to send the body": { settings: [SETTING.INITIAL_WINDOW_SIZE, 0] },
};
for (const [what, talk] of Object.entries(MUTE)) {
  Deno.test(`an upstream that keeps back ${what} is given up in time`, async () => {
    await using origin = frameOrigin(talk);
    const timeouts = { connect: SHORT, firstByte: SHORT, readIdle: SHORT, write: SHORT };
    await using proxy = proxyTo(origin.address, { timeouts, options: { retries: 0 } });
    await within(post(proxy, letters(100_000)).catch(() => {}), "the answer");
    const { flag } = await proxy.ended(1);
    assertEquals(flag, what === "its SETTINGS" ? "UF" : "UT");
    // Where nothing at all came, the connection is given up with the stream.
    const reset = origin.connections[0]!.frame(({ type }) => type === FRAME.RST_STREAM);
    await within(Promise.race([reset, origin.closed()]), "a reset, or the connection's end");
  });
}

Deno.test("a session that has gone silent is not used again", async () => {
  await using origin = frameOrigin({
    async onRequest(connection, id) {
      if (connection.number > 1 || id === 1) await connection.answer(id);
    },
  });
  await using proxy = proxyTo(origin.address, { timeouts: { firstByte: SHORT }, options: { retries: 0 } });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await get(proxy)).status);
  assertEquals([statuses, origin.connections.length], [[200, 504, 200], 2]);
});

Deno.test("an upstream that speaks HTTP/1.1 is a 502 where HTTP/2 is required", async () => {
  await using origin = rawOrigin(async (connection) => {
    await connection.read();
    await connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    await connection.closed();
  });
  await using proxy = proxyTo(origin.address, { options: { retries: 1 } });
  assertEquals((await get(proxy)).status, 502);
  const { flag, attempts } = await proxy.ended(1);
  assertEquals([flag, attempts], ["UF", 2]);
});

Deno.test("an upstream that takes no streams at all is a 502", async () => {
  await using origin = frameOrigin({ settings: [SETTING.MAX_CONCURRENT_STREAMS, 0] });
  await using proxy = proxyTo(origin.address, { options: { retries: 0 } });
  assertEquals([(await get(proxy)).status, (await proxy.ended(1)).flag], [502, "UF"]);
});

Deno.test("an upstream that asks for answers and takes none is given up", async () => {
  const pings = new Uint8Array(17 * 4096);
  for (let at = 0; at < pings.length; at += 17) pings.set(frame(FRAME.PING, 0, 0, new Uint8Array(8)), at);
  await using origin = rawOrigin(async (connection) => {
    await connection.writeBytes(frame(FRAME.SETTINGS, 0, 0, new Uint8Array()));
    await connection.read();
    for (;;) await connection.writeBytes(pings);
  });
  await using proxy = proxyTo(origin.address, { options: { retries: 0 } });
  const { status } = await get(proxy);
  assertEquals(status, 502);
  assertStringIncludes((await proxy.ended(1)).flag, "UPE");
});
