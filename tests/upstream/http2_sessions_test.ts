/** Sessions by HTTP/2: when one is opened, shared, kept and closed; and how much of a body is held in memory. */
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import type { Peer } from "../../src/mod.ts";
import { CODE, FLAG, FRAME, SETTING, uint32 } from "../../src/http/http2_frames.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { Watchdog } from "../../src/http/watchdog.ts";
import { connect } from "../../src/upstream/connect.ts";
import { Http2Session } from "../../src/upstream/h2/session.ts";
import { targetOf } from "../../src/upstream/peer.ts";
import { ConnectionPool } from "../../src/upstream/pool.ts";
import { type FrameConnection, frameOrigin } from "../support/frame_origin.ts";
import { rawClient, type TestProxy, testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { until } from "../support/until.ts";
import { letters, parseMessage, postText, requestText, within } from "../support/wire.ts";

function proxyTo(address: string, peer: Partial<Peer> = {}): TestProxy {
  const upstream: Peer = { address, protocol: "http2", ...peer };
  return testProxy({ upstreamPeer: () => upstream }, { front: "tcp" });
}

const get = async (proxy: TestProxy) => parseMessage(await send(proxy.address, requestText("GET", "/"))).body;

Deno.test("no more streams than the upstream takes at once are opened: further sessions carry the rest", async () => {
  const held: (() => Promise<void>)[] = [];
  let most = 0;
  const open = new Map<number, number>();
  await using origin = frameOrigin({
    settings: [SETTING.MAX_CONCURRENT_STREAMS, 3],
    async onRequest(connection, id) {
      const streams = (open.get(connection.number) ?? 0) + 1;
      open.set(connection.number, streams);
      most = Math.max(most, streams);
      held.push(() => connection.answer(id));
      // Nobody is answered until all are here.
      if (held.length === 10) { for (const answer of held) await answer(); }
    },
  });
  await using proxy = proxyTo(origin.address);
  const texts = await within(Promise.all(Array.from({ length: 10 }, () => get(proxy))), "the answers");
  assertEquals(texts, Array.from({ length: 10 }, () => "hello"));
  assertEquals([most, origin.connections.length, proxy.idleConnections], [3, 4, 4]);
});

for (
  const [what, peer] of [
    ["unused for poolIdle", { timeouts: { poolIdle: 100 } }],
    ["unused, where none is kept", { maxIdle: 0 }],
    ["that carried a client's address", { proxyProtocol: 2 }],
  ] as [string, Partial<Peer>][]
) {
  Deno.test(`a session ${what} is closed`, async () => {
    await using origin = frameOrigin({ onRequest: (connection, id) => connection.answer(id) });
    await using proxy = proxyTo(origin.address, peer);
    assertEquals(await get(proxy), "hello");
    await within(origin.closed(), "the connection to be closed");
    assertEquals(proxy.idleConnections, 0);
  });
}

Deno.test("a proxy that stops closes its sessions when their streams are over", async () => {
  const first = Promise.withResolvers<FrameConnection>();
  await using origin = frameOrigin({
    async onRequest(connection, id) {
      await connection.head(id, [":status", "200"]);
      first.resolve(connection);
    },
  });
  const proxy = proxyTo(origin.address);
  const answer = get(proxy);
  const connection = await first.promise;
  await connection.data(1, "bye", true);
  assertEquals(await answer, "bye");
  await proxy[Symbol.asyncDispose]();
  await within(origin.closed(), "the connection to be closed");
});

Deno.test("a client that leaves resets its stream alone", async () => {
  await using origin = frameOrigin({
    async onRequest(connection, id, { fields }) {
      if (fields.includes(":path: /held")) await connection.head(id, [":status", "200"]);
      else await connection.answer(id);
    },
  });
  await using proxy = proxyTo(origin.address);
  {
    using client = await rawClient(proxy.address);
    await client.write(requestText("GET", "/held"));
    await within(client.readHead(), "the head");
  }
  const reset = await within(
    origin.connections[0]!.frame(({ type }) => type === FRAME.RST_STREAM),
    "a reset",
  );
  assertEquals([reset.id, uint32(reset.payload, 0)], [1, CODE.CANCEL]);
  assertEquals([await get(proxy), origin.connections.length], ["hello", 1]);
});

Deno.test("clients that all leave while a session is opened give the opening up", async () => {
  await using origin = frameOrigin({ settings: null });
  await using proxy = proxyTo(origin.address);
  const clients = [await rawClient(proxy.address), await rawClient(proxy.address)];
  for (const client of clients) await client.write(requestText("GET", "/"));
  await until("the origin was reached", () => origin.connections.length === 1);
  for (const client of clients) client.close();
  await within(origin.closed(), "the connection to be closed");
  assertEquals([(await proxy.ended(2)).flag, origin.connections.length], ["DC", 1]);
});

Deno.test("a response that its client does not read is held up at its stream's window, and others go on", async () => {
  let sent = 0;
  let room = 65_535;
  let wake = () => {};
  await using origin = frameOrigin({
    onFrame(_, { type, id, payload }) {
      if (type === FRAME.WINDOW_UPDATE && id === 1) {
        room += uint32(payload, 0);
        wake();
      }
    },
    async onRequest(connection, id) {
      if (id > 1) return await connection.answer(id);
      room += 256 * 1024 - 65_535;
      await connection.head(id, [":status", "200"]);
      const piece = new Uint8Array(16_384);
      // Beside the reading, which has to go on.
      (async () => {
        while (sent < 64 * 1024 * 1024) {
          while (room < piece.length) await new Promise<void>((resolve) => wake = resolve);
          room -= piece.length;
          sent += piece.length;
          await connection.data(id, piece);
        }
      })().catch(() => {});
    },
  });
  await using proxy = proxyTo(origin.address);
  using client = await rawClient(proxy.address);
  await client.write(requestText("GET", "/"));
  await within(client.readHead(), "the head");
  let before = -1;
  await until("no more is sent", () => {
    const isStill = sent === before;
    before = sent;
    return isStill && sent > 256 * 1024;
  });
  // What the sockets' own buffers take is not the proxy's.
  assertLess(sent, 16 * 1024 * 1024);
  for (let i = 0; i < 3; i++) assertEquals(await get(proxy), "hello");
});

Deno.test("no more of a request's body is sent than the upstream's windows allow", async () => {
  let received = 0;
  let connection: FrameConnection | undefined;
  await using origin = frameOrigin({
    settings: [SETTING.INITIAL_WINDOW_SIZE, 10_000],
    onFrame(from, { type, payload, flags }) {
      connection = from;
      if (type !== FRAME.DATA) return;
      received += payload.length;
      if ((flags & FLAG.END_STREAM) !== 0) return from.answer(1);
    },
  });
  await using proxy = proxyTo(origin.address);
  const answer = send(proxy.address, postText(letters(30_000)));
  await until("the window is used up", () => received === 10_000);
  const update = (id: number) => {
    const bytes = new Uint8Array(13);
    bytes.set([0, 0, 4, FRAME.WINDOW_UPDATE, 0, 0, 0, 0, id, 0, 0, 0x4e, 0x20]);
    return connection!.send(bytes);
  };
  await update(1);
  assertEquals(parseMessage(await answer).body, "hello");
  assertEquals(received, 30_000);
  assert(connection!.frames.filter(({ type }) => type === FRAME.HEADERS).length === 1);
});

Deno.test("a request that comes as the only one leaves that a session was being opened for gets one of its own", async () => {
  await using origin = frameOrigin({});
  const target = targetOf({ address: origin.address, protocol: "http2" });
  const watchdog = new Watchdog();
  // At whatever point of the first one's end the next one comes.
  for (let turns = 0; turns < 12; turns++) {
    const pool = new ConnectionPool(watchdog);
    const leaving = new AbortController();
    const reach = (signal: AbortSignal) =>
      pool.http2.reach(target, signal, (signal) => connect(target, signal, undefined, "http2"));
    const gone = assertRejects(() => reach(leaving.signal), ProxyError, "left");
    await Promise.resolve();
    leaving.abort(new ProxyError("client_gone", "left"));
    for (let i = 0; i < turns; i++) await Promise.resolve();
    assert(await reach(new AbortController().signal) instanceof Http2Session);
    await gone;
    pool.stop();
  }
  watchdog.close();
});
