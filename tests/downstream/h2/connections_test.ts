/** Connections by HTTP/2 on the own front: their limits in time and number, and how they end. */
import { assert, assertEquals } from "@std/assert";
import * as http2 from "../../../src/http/http2_frames.ts";
import { type ProxyModule, startProxy } from "../../../src/mod.ts";
import { concat } from "../../../src/http/body.ts";
import { HeaderList } from "../../../src/http/headers.ts";
import { Watchdog } from "../../../src/http/watchdog.ts";
import { ClientConnection } from "../../../src/downstream/tcp/client_connection.ts";
import { clockAhead } from "../../support/clock_ahead.ts";
import { data, fields, headers, type Http2Wire, http2Wire } from "../../support/http2_wire.ts";
import { fakeServer } from "../../support/fake_client.ts";
import { latin1, rawOrigin } from "../../support/origin.ts";
import { testProxy } from "../../support/proxy.ts";
import { letters, within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const GET = headers(1, fields());
const POST = headers(1, fields({ ":method": "POST" }), false);
/** A time to drain that is never used up. */
const LONG = 9_000;

/** An answer that comes when it is told to. */
function held(): { module: ProxyModule; asked: Promise<void>; release(): void } {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const requestFilter = async () => {
    asked.resolve();
    await answer.promise;
    return new Response("hello");
  };
  return { module: { requestFilter }, asked: asked.promise, release: answer.resolve };
}

async function goneAway(wire: Http2Wire): Promise<void> {
  assertEquals(await wire.goAwayCode(), http2.CODE.NO_ERROR);
  await within(wire.closed, "the end of the connection");
}

Deno.test("h2: a connection without requests ends after idleTimeout, with a word", async () => {
  await using proxy = testProxy("127.0.0.1:1", { front: "tcp", idleTimeout: 150 });
  using wire = await http2Wire(proxy.address);
  await goneAway(wire);
});

Deno.test("h2: idleTimeout counts from the last answer, whatever else comes; a request under way is not idle", async () => {
  const { module, asked, release } = held();
  await using proxy = testProxy(module, { front: "tcp", idleTimeout: 200 });
  using wire = await http2Wire(proxy.address);
  await wire.send(GET);
  await asked;
  await new Promise((resolve) => setTimeout(resolve, 400));
  release();
  assertEquals(await wire.status(1), 200);
  let isClosed = false;
  wire.closed.then(() => isClosed = true);
  const pings = (async () => {
    for (; !isClosed; await new Promise((resolve) => setTimeout(resolve, 50))) {
      await wire.send(http2.frame(http2.FRAME.PING, 0, 0, new Uint8Array(8))).catch(() => {});
    }
  })();
  await goneAway(wire);
  await pings;
});

const SLOW: Record<string, (Uint8Array | string)[]> = {
  "nothing behind half a preface": [http2.PREFACE.slice(0, 20)],
  "half a header block": [
    http2.PREFACE,
    http2.settingsFrame(),
    http2.frame(http2.FRAME.HEADERS, 0, 1, new Uint8Array([0x82])),
  ],
  "half a frame of one": [http2.PREFACE, http2.settingsFrame(), GET.subarray(0, 12)],
  "half a frame's head": [http2.PREFACE, http2.settingsFrame(), GET.subarray(0, 5)],
};

for (const [what, parts] of Object.entries(SLOW)) {
  Deno.test(`h2: a client that sends ${what} is cut off after headTimeout`, async () => {
    await using proxy = testProxy("127.0.0.1:1", { front: "tcp", headTimeout: 150 });
    using wire = await http2Wire(proxy.address, { begins: false });
    await wire.send(...parts);
    await within(wire.closed, "the end of the connection");
    assertEquals(proxy.entries.length, 0);
  });
}

Deno.test("h2: a body that comes slower than minRate is answered with 408, and the connection goes on", async () => {
  using clock = clockAhead();
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(POST, data(1, "hello"), headers(3, fields()));
  await wire.status(3);
  clock.pass(7_000);
  assertEquals([await wire.status(1), await wire.resetCode(1)], [408, http2.CODE.NO_ERROR]);
  assertEquals((await proxy.ended(2)).flag, "SI");
  await wire.send(headers(5, fields()));
  assertEquals(await wire.status(5), 200);
});

for (const which of ["its stream", "its connection"]) {
  Deno.test(`h2: a client that opens the window of ${which} too slowly is cut off`, async () => {
    using clock = clockAhead();
    const body = letters(200_000);
    await using origin = wireOrigin(() => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await using proxy = testProxy(origin.address, { front: "tcp" });
    const window = which === "its stream" ? 10 : 1_000_000;
    using wire = await http2Wire(proxy.address, { settings: [http2.SETTING.INITIAL_WINDOW_SIZE, window] });
    await wire.send(GET);
    await wire.frame(({ type }) => type === http2.FRAME.DATA);
    for (let i = 0; i < 2; i++) {
      await clock.looked();
      clock.pass(3_000);
      await clock.looked();
      await wire.send(http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, which === "its stream" ? 1 : 0, 5)).catch(
        () => {},
      );
    }
    if (which === "its stream") assertEquals(await wire.resetCode(1), http2.CODE.CANCEL);
    else await within(wire.closed, "the end of the connection");
    assertEquals((await proxy.ended(1)).flag, "SI");
  });
}

Deno.test("h2: a client that reads nothing at all is cut off after writeTimeout, and so is the upstream", async () => {
  const left = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    const piece = new Uint8Array(100_000);
    try {
      for (let i = 0; i < 1_000; i++) await connection.writeBytes(piece);
    } finally {
      left.resolve();
    }
  });
  await using proxy = testProxy(origin.address, { front: "tcp", writeTimeout: 200 });
  using wire = await http2Wire(proxy.address, {
    isReading: false,
    settings: [http2.SETTING.INITIAL_WINDOW_SIZE, 0x7fff_ffff],
  });
  await wire.send(http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 0, 0x7000_0000), GET);
  await within(left.promise, "the end of the upstream's connection");
  assertEquals((await proxy.ended(1)).flag, "SI");
});

Deno.test("h2: after maxRequests the client is told to go elsewhere, and what it asked is answered", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", maxRequests: 2 });
  using wire = await http2Wire(proxy.address);
  await wire.send(GET, headers(3, fields()));
  assertEquals([await wire.status(1), await wire.status(3)], [200, 200]);
  await goneAway(wire);
});

Deno.test("h2: a connection that ends gives a client that takes its answer slowly the time for it", async () => {
  using clock = clockAhead();
  const watchdog = new Watchdog();
  const closed = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const last = Promise.withResolvers<void>();
  const asked = concat([new TextEncoder().encode(http2.PREFACE), http2.settingsFrame(), GET]);
  let isClosed = false;
  const socket = {
    remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 1 },
    localAddr: { transport: "tcp", hostname: "192.0.2.2", port: 2 },
    isAsked: false,
    async read(into: Uint8Array) {
      if (this.isAsked) await closed.promise;
      if (this.isAsked) return null;
      this.isAsked = true;
      into.set(asked);
      return asked.length;
    },
    async write(bytes: Uint8Array) {
      // The answer's end is in it.
      if (latin1(bytes).includes("hello")) {
        last.resolve();
        await taken.promise;
      }
      return bytes.length;
    },
    setNoDelay() {},
    closeWrite: () => Promise.resolve(),
    close: () => closed.resolve(),
  };
  const handler = () =>
    Promise.resolve({
      status: 200,
      headers: new HeaderList(),
      body: new TextEncoder().encode("hello"),
      onSent: undefined,
    });
  const server = fakeServer({ handler, watchdog, closed: () => isClosed = true }, { maxRequests: 1 });
  const serving = new ClientConnection(socket as unknown as Deno.Conn, server).serve();
  await last.promise;
  clock.pass(3_000);
  await clock.looked();
  assert(!isClosed, "closed while the answer was being taken");
  taken.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  clock.pass(1_100);
  await within(serving, "the end of the connection");
  assert(isClosed);
  watchdog.close();
});

Deno.test("h2: the one that is idle makes room for another connection, and none is over maxConnectionsPerAddress", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", maxConnections: 1 });
  using first = await http2Wire(proxy.address);
  await first.send(GET);
  await first.status(1);
  using second = await http2Wire(proxy.address);
  await second.send(GET);
  assertEquals(await second.status(1), 200);
  await within(first.closed, "the end of the idle connection");
  await using other = testProxy(origin.address, { front: "tcp", maxConnectionsPerAddress: 1 });
  using third = await http2Wire(other.address);
  await third.send(GET);
  await third.status(1);
  using fourth = await http2Wire(other.address);
  await within(fourth.closed, "the end of one too many");
});

Deno.test("h2: behind a PROXY protocol header, the client is who that says", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", proxyProtocol: ["127.0.0.1"] });
  using wire = await http2Wire(proxy.address, { begins: false });
  await wire.send("PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\n", http2.PREFACE, http2.settingsFrame(), GET);
  assertEquals(await wire.status(1), 200);
  assert(origin.requests[0]!.fields.includes("x-forwarded-for: 192.0.2.1"));
});

Deno.test("h2: a proxy that stops says so, takes what is on its way, answers it, and then closes", async () => {
  const { module, asked, release } = held();
  const running = startProxy(module, { listen: "127.0.0.1:0", listener: { front: "tcp" } });
  using idle = await http2Wire(running.address);
  using wire = await http2Wire(running.address);
  await idle.frame(({ type }) => type === http2.FRAME.SETTINGS);
  await wire.send(GET);
  await asked;
  const stopped = running.stop(LONG);
  await goneAway(idle);
  const { payload } = await wire.frame(({ type }) => type === http2.FRAME.GOAWAY);
  assertEquals(http2.uint32(payload, 0), 0x7fff_ffff);
  await wire.send(headers(3, fields()), http2.frame(http2.FRAME.PING, http2.FLAG.ACK, 0, new Uint8Array(8)));
  await wire.frame(
    ({ type, payload }) => type === http2.FRAME.GOAWAY && http2.uint32(payload, 0) === 3,
    "the last word",
  );
  await wire.send(headers(5, fields()));
  release();
  await wire.ended(1);
  await wire.ended(3);
  await within(wire.closed, "the end of the connection");
  assertEquals([wire.body(1), wire.body(3), wire.body(5)], ["hello", "hello", ""]);
  assertEquals(await within(stopped, "the end of the proxy"), true);
});

Deno.test("h2: a client that does not leave holds no proxy up that stops", async () => {
  const { module, asked, release } = held();
  const running = startProxy(module, { listen: "127.0.0.1:0", listener: { front: "tcp" } });
  using wire = await http2Wire(running.address, { isReading: false });
  await wire.send(GET);
  await asked;
  const stopped = running.stop(LONG);
  release();
  assertEquals(await within(stopped, "the end of the proxy", 4_000), true);
});

Deno.test("h2: stop(0) breaks requests off", async () => {
  const { module, asked, release } = held();
  const running = startProxy(module, { listen: "127.0.0.1:0", listener: { front: "tcp" } });
  using wire = await http2Wire(running.address);
  await wire.send(GET);
  await asked;
  assertEquals(await within(running.stop(0), "the end of the proxy"), false);
  await within(wire.closed, "the end of the connection");
  release();
});
