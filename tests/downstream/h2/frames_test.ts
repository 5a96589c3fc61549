/** Connections by HTTP/2 that break a rule: they end with a word that says so, and nothing else does. */
import { assert, assertEquals } from "@std/assert";
import { concat } from "../../../src/http/body.ts";
import * as http2 from "../../../src/http/http2_frames.ts";
import { data, fields, headers, type Http2Wire, http2Wire, reset } from "../../support/http2_wire.ts";
import { rawOrigin } from "../../support/origin.ts";
import { testProxy } from "../../support/proxy.ts";
import { until } from "../../support/until.ts";
import { within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const GET = headers(1, fields());
const POST = headers(1, fields({ ":method": "POST" }), false);
const NOTHING = new Uint8Array();
const block = (flags: number, stream = 1) =>
  http2.frame(http2.FRAME.HEADERS, flags, stream, new Uint8Array([0x82]));
const settings = (...bytes: number[]) => http2.frame(http2.FRAME.SETTINGS, 0, 0, new Uint8Array(bytes));
const { PROTOCOL_ERROR, FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR, COMPRESSION_ERROR } = http2.CODE;

const BROKEN: Record<string, [code: number, ...frames: Uint8Array[]]> = {
  "DATA for no stream": [PROTOCOL_ERROR, data(0, "a")],
  "DATA for a stream that is not open": [PROTOCOL_ERROR, data(1, "a")],
  "more padding than DATA": [
    PROTOCOL_ERROR,
    POST,
    http2.frame(http2.FRAME.DATA, http2.FLAG.PADDED, 1, new Uint8Array([2, 0])),
  ],
  "HEADERS for no stream": [PROTOCOL_ERROR, block(4, 0)],
  "HEADERS for a stream of the server": [PROTOCOL_ERROR, block(4, 2)],
  "a header block broken off by another frame": [
    PROTOCOL_ERROR,
    block(0),
    http2.frame(http2.FRAME.PING, 0, 0, new Uint8Array(8)),
  ],
  "a header block that goes on for another stream": [
    PROTOCOL_ERROR,
    block(0),
    http2.frame(http2.FRAME.CONTINUATION, 4, 3, NOTHING),
  ],
  "CONTINUATION without a header block": [
    PROTOCOL_ERROR,
    http2.frame(http2.FRAME.CONTINUATION, 4, 1, NOTHING),
  ],
  "a field that is in no table": [
    COMPRESSION_ERROR,
    http2.frame(http2.FRAME.HEADERS, 5, 1, new Uint8Array([0xff, 0x7f])),
  ],
  "a string that is no Huffman code": [
    COMPRESSION_ERROR,
    http2.frame(http2.FRAME.HEADERS, 5, 1, new Uint8Array([0, 0x81, 0, 0])),
  ],
  "a header block that ends amid a string": [
    COMPRESSION_ERROR,
    http2.frame(http2.FRAME.HEADERS, 5, 1, new Uint8Array([0, 5, 97])),
  ],
  "a number that is too large": [
    COMPRESSION_ERROR,
    http2.frame(http2.FRAME.HEADERS, 5, 1, new Uint8Array([0xff, ...new Uint8Array(9).fill(0xff), 0])),
  ],
  "a table that is too large": [
    COMPRESSION_ERROR,
    http2.frame(http2.FRAME.HEADERS, 5, 1, new Uint8Array([0x3f, 0xe2, 0x1f])),
  ],
  "RST_STREAM for a stream that is not open": [PROTOCOL_ERROR, reset(1)],
  "RST_STREAM of another length": [FRAME_SIZE_ERROR, http2.numbersFrame(http2.FRAME.RST_STREAM, 1, 0, 0)],
  "SETTINGS for a stream": [PROTOCOL_ERROR, http2.frame(http2.FRAME.SETTINGS, 0, 1, NOTHING)],
  "SETTINGS of another length": [FRAME_SIZE_ERROR, settings(0, 4)],
  "an acknowledgement that says something": [
    FRAME_SIZE_ERROR,
    http2.frame(http2.FRAME.SETTINGS, 1, 0, new Uint8Array(6)),
  ],
  "a window that is too large": [
    FLOW_CONTROL_ERROR,
    http2.settingsFrame(http2.SETTING.INITIAL_WINDOW_SIZE, 0x8000_0000),
  ],
  "frames that are too short": [PROTOCOL_ERROR, http2.settingsFrame(http2.SETTING.MAX_FRAME_SIZE, 100)],
  "pushing that is neither on nor off": [PROTOCOL_ERROR, http2.settingsFrame(http2.SETTING.ENABLE_PUSH, 2)],
  "PUSH_PROMISE": [PROTOCOL_ERROR, http2.numbersFrame(http2.FRAME.PUSH_PROMISE, 1, 2)],
  "PING for a stream": [PROTOCOL_ERROR, http2.frame(http2.FRAME.PING, 0, 1, new Uint8Array(8))],
  "PING of another length": [FRAME_SIZE_ERROR, http2.frame(http2.FRAME.PING, 0, 0, new Uint8Array(7))],
  "WINDOW_UPDATE for nothing": [PROTOCOL_ERROR, http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 0, 0)],
  "WINDOW_UPDATE of another length": [
    FRAME_SIZE_ERROR,
    http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 0, 1, 1),
  ],
  "more and more window": [FLOW_CONTROL_ERROR, http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 0, 0x7fff_ffff)],
  "a frame that is too long": [FRAME_SIZE_ERROR, http2.frame(http2.FRAME.DATA, 0, 1, new Uint8Array(16_385))],
  "a priority of another length": [FRAME_SIZE_ERROR, http2.frame(http2.FRAME.PRIORITY, 0, 1, NOTHING)],
};

for (const [what, [code, ...frames]] of Object.entries(BROKEN)) {
  Deno.test(`h2: the connection ends with error ${code} for ${what}`, async () => {
    await using proxy = testProxy({ requestFilter: () => new Promise(() => {}) }, { front: "tcp" });
    using wire = await http2Wire(proxy.address);
    await wire.send(...frames);
    assertEquals(await wire.goAwayCode(), code);
    await within(wire.closed, "the end of the connection");
  });
}

const STREAMS: Record<string, [code: number, ...frames: Uint8Array[]]> = {
  "DATA behind the end": [http2.CODE.STREAM_CLOSED, GET, data(1, "a")],
  "HEADERS behind the end": [http2.CODE.STREAM_CLOSED, GET, GET],
  "trailers that are not the end": [PROTOCOL_ERROR, POST, headers(1, ["x-a", "1"], false)],
  "a pseudo-field in the trailers": [PROTOCOL_ERROR, POST, headers(1, [":path", "/"])],
  "WINDOW_UPDATE for nothing": [PROTOCOL_ERROR, GET, http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 1, 0)],
  "more and more window": [
    FLOW_CONTROL_ERROR,
    GET,
    http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 1, 0x7fff_ffff),
  ],
};

for (const [what, [code, ...frames]] of Object.entries(STREAMS)) {
  Deno.test(`h2: a stream ends with error ${code} for ${what}, and the connection goes on`, async () => {
    await using origin = rawOrigin(async (connection) => {
      const head = await connection.readHead();
      if (head?.includes("/last")) await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
      await connection.closed();
    });
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using wire = await http2Wire(proxy.address);
    await wire.send(...frames);
    assertEquals(await wire.resetCode(1), code);
    await wire.send(headers(3, fields({ ":path": "/last" })));
    assertEquals(await wire.status(3), 204);
  });
}

Deno.test("h2: what is not for the proxy is left alone", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(
    http2.frame(0xaa, 0xff, 5, new Uint8Array(100)),
    http2.frame(http2.FRAME.PRIORITY, 0, 7, new Uint8Array(5)),
    http2.settingsFrame(0xaa, 5),
    http2.frame(http2.FRAME.PING, 0, 0, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])),
    http2.frame(
      http2.FRAME.HEADERS,
      0x8 | 0x20 | 1,
      1,
      new Uint8Array([3, 0, 0, 0, 0, 0, 0x82, 0x86, 0, 0, 0]),
    ),
    http2.frame(http2.FRAME.CONTINUATION, 0, 1, NOTHING),
    http2.frame(http2.FRAME.CONTINUATION, 4, 1, new Uint8Array([0x84, 0x41, 1, 97])),
  );
  assertEquals(await wire.status(1), 200);
  const { payload } = await wire.frame(({ type, flags }) =>
    type === http2.FRAME.PING && flags === http2.FLAG.ACK
  );
  assertEquals([...payload], [1, 2, 3, 4, 5, 6, 7, 8]);
});

const PREFACES: Record<string, string> = {
  "another preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
  "no SETTINGS": http2.PREFACE + "\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0",
};

for (const [what, text] of Object.entries(PREFACES)) {
  Deno.test(`h2: a connection that begins with ${what} ends`, async () => {
    await using proxy = testProxy("127.0.0.1:1", { front: "tcp" });
    using wire = await http2Wire(proxy.address, { begins: false });
    await wire.send(text);
    assertEquals(await wire.goAwayCode(), PROTOCOL_ERROR);
    await within(wire.closed, "the end of the connection");
  });
}

Deno.test("h2: a preface that comes byte by byte will do", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address, { begins: false });
  for (const character of http2.PREFACE) await wire.send(character);
  for (const byte of http2.settingsFrame()) await wire.send(new Uint8Array([byte]));
  for (const byte of GET) await wire.send(new Uint8Array([byte]));
  assertEquals(await wire.status(1), 200);
});

Deno.test("h2: with http2 false, the preface is refused as HTTP/1.1 would be", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", http2: false });
  using wire = await http2Wire(proxy.address);
  await within(wire.closed, "the end of the connection");
  assertEquals([(await proxy.ended(1)).status, origin.connections], [400, 0]);
});

async function flood(wire: Http2Wire, frames: Uint8Array): Promise<void> {
  // It is closed amid the flood.
  for (let i = 0; i < 50; i++) await wire.send(frames).catch(() => {});
}

/** One after the other: a client would not wait for answers. */
function requests(count: number, then: (stream: number) => Uint8Array[]): Uint8Array {
  const frames = Array.from({ length: count }, (_, i) => [headers(2 * i + 1, fields()), ...then(2 * i + 1)])
    .flat();
  return join(frames);
}

function join(frames: Uint8Array[]): Uint8Array {
  return new Uint8Array(frames.flatMap((frame) => [...frame]));
}

const many = (frame: Uint8Array, count = 100) => join(Array.from({ length: count }, () => frame));

const FLOODS: Record<string, Uint8Array> = {
  "PING": many(http2.frame(http2.FRAME.PING, 0, 0, new Uint8Array(8))),
  "SETTINGS": many(http2.settingsFrame(http2.SETTING.INITIAL_WINDOW_SIZE, 1)),
  "PRIORITY": many(http2.frame(http2.FRAME.PRIORITY, 0, 1, new Uint8Array(5))),
  "WINDOW_UPDATE": many(http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, 0, 1)),
  "unknown frames": many(http2.frame(0xaa, 0, 0, NOTHING)),
};

for (const [what, frames] of Object.entries(FLOODS)) {
  Deno.test(`h2: a flood of ${what} ends the connection`, async () => {
    await using proxy = testProxy("127.0.0.1:1", { front: "tcp" });
    using wire = await http2Wire(proxy.address);
    await flood(wire, frames);
    assertEquals(await wire.goAwayCode(), http2.CODE.ENHANCE_YOUR_CALM);
    await within(wire.closed, "the end of the connection");
  });
}

Deno.test("h2: a flood of empty DATA ends the connection", async () => {
  await using proxy = testProxy("127.0.0.1:1", { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(POST);
  await flood(wire, many(data(1, "")));
  assertEquals(await wire.goAwayCode(), http2.CODE.ENHANCE_YOUR_CALM);
});

Deno.test("h2: bytes one by one do not make a flood of PING right", async () => {
  await using proxy = testProxy({ requestFilter: () => new Promise(() => {}) }, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(POST);
  const ping = http2.frame(http2.FRAME.PING, 0, 0, new Uint8Array(8));
  await flood(wire, many(concat([data(1, "x"), ping])));
  assertEquals(await wire.goAwayCode(), http2.CODE.ENHANCE_YOUR_CALM);
});

Deno.test("h2: a header block without end ends the connection", async () => {
  await using proxy = testProxy("127.0.0.1:1", { front: "tcp" });
  for (const part of [NOTHING, new Uint8Array(16_000).fill(0x82)]) {
    using wire = await http2Wire(proxy.address);
    await wire.send(block(0));
    await flood(wire, many(http2.frame(http2.FRAME.CONTINUATION, 0, 1, part)));
    assertEquals(await wire.goAwayCode(), http2.CODE.ENHANCE_YOUR_CALM);
  }
});

Deno.test("h2: requests that are reset at once, again and again, end the connection, and few reach the origin", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(requests(1_000, (stream) => [reset(stream)])).catch(() => {});
  assertEquals(await wire.goAwayCode(), http2.CODE.ENHANCE_YOUR_CALM);
  await within(wire.closed, "the end of the connection");
  await until("the end of all requests", () => proxy.counters.active === 0);
  assert(proxy.entries.length <= 201, `${proxy.entries.length} requests`);
});

Deno.test("h2: requests that make the proxy reset them, again and again, end the connection", async () => {
  await using proxy = testProxy({ requestFilter: () => new Promise(() => {}) }, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  const update = (stream: number) => [http2.numbersFrame(http2.FRAME.WINDOW_UPDATE, stream, 0)];
  await wire.send(requests(1_000, update)).catch(() => {});
  assertEquals(await wire.goAwayCode(), http2.CODE.ENHANCE_YOUR_CALM);
});

for (const [what, text] of [["longer", "long"], ["shorter", "x"]]) {
  Deno.test(`h2: bodies that are ${what} than their length, again and again, end the connection`, async () => {
    await using proxy = testProxy({ requestFilter: () => new Promise(() => {}) }, { front: "tcp" });
    using wire = await http2Wire(proxy.address);
    const head = [...fields({ ":method": "POST" }), "content-length", "2"];
    const bad = Array.from(
      { length: 1_000 },
      (_, i) => [headers(1 + 2 * i, head, false), data(1 + 2 * i, text!, true)],
    );
    await wire.send(...bad.flat()).catch(() => {});
    assertEquals(await wire.goAwayCode(), http2.CODE.ENHANCE_YOUR_CALM);
    await until("the end of all requests", () => proxy.counters.active === 0);
    assert(proxy.entries.length <= 201, `${proxy.entries.length} requests`);
  });
}

Deno.test("h2: more requests at a time than maxStreams are refused, and may be sent again", async () => {
  const held = Promise.withResolvers<void>();
  await using proxy = testProxy({
    requestFilter: () => held.promise.then(() => new Response("hello")),
  }, { front: "tcp", maxStreams: 2 });
  using wire = await http2Wire(proxy.address);
  await wire.send(requests(3, () => []));
  assertEquals(await wire.resetCode(5), http2.CODE.REFUSED_STREAM);
  held.resolve();
  assertEquals([await wire.status(1), await wire.status(3)], [200, 200]);
  await wire.send(headers(7, fields()));
  assertEquals([await wire.status(7), proxy.entries.length], [200, 3]);
});
