/** Requests by HTTP/2 that break a rule, on the own front. */
import { assert, assertEquals } from "@std/assert";
import * as http2 from "../../../src/http/http2_frames.ts";
import { REFUSED } from "../../support/http2_refused.ts";
import { data, fields, headers, http2Wire } from "../../support/http2_wire.ts";
import { testProxy } from "../../support/proxy.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const GET = fields();
const line = (...more: string[]) => [...GET, ...more];

for (const [what, lines] of Object.entries(REFUSED)) {
  Deno.test(`h2: answered with 400 and not forwarded: ${what}`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using wire = await http2Wire(proxy.address);
    await wire.send(headers(1, lines));
    assertEquals([await wire.status(1), origin.connections], [400, 0]);
    await wire.ended(1);
    // The connection goes on.
    await wire.send(headers(3, GET));
    assertEquals([await wire.status(3), (await proxy.ended(1)).flag], [200, "DPE"]);
  });
}

for (const protocol of ["", "websocket"]) {
  Deno.test(`h2: CONNECT is answered with 405: ${protocol || "a tunnel"}`, async () => {
    await using proxy = testProxy("127.0.0.1:1", { front: "tcp" });
    using wire = await http2Wire(proxy.address);
    const lines = protocol === ""
      ? [":method", "CONNECT", ":authority", "a:443"]
      : [...fields({ ":method": "CONNECT" }), ":protocol", protocol];
    await wire.send(headers(1, lines, false));
    assertEquals([await wire.status(1), await wire.resetCode(1)], [405, http2.CODE.NO_ERROR]);
  });
}

Deno.test("h2: what is passed on: cookies in one line, no field of the connection, none of the proxy's", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  const more = ["cookie", "a=1", "x-a", "1", "cookie", "b=2", "proxy-authorization", "x", "te", "trailers"];
  await wire.send(headers(1, [...fields({ ":path": "/a/../b?c" }), ...more]));
  assertEquals(await wire.status(1), 200);
  const [request] = origin.requests;
  assertEquals(request!.line, "GET /b?c HTTP/1.1");
  const own = request!.fields.filter((field) =>
    !field.startsWith("x-forwarded-") && !field.startsWith("x-req")
  );
  assertEquals(own.map((field) => field.trim()).sort(), [
    "connection: te",
    "cookie: a=1; b=2",
    "host: a",
    "te: trailers",
    "via: 1.1 postern",
    "x-a: 1",
  ]);
});

Deno.test("h2: OPTIONS * is passed on", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using wire = await http2Wire(proxy.address);
  await wire.send(headers(1, fields({ ":method": "OPTIONS", ":path": "*" })));
  assertEquals([await wire.status(1), origin.requests[0]!.line], [200, "OPTIONS * HTTP/1.1"]);
});

for (const [what, sent] of [["longer", "hello!"], ["shorter", "hell"]] as const) {
  Deno.test(`h2: a body that is ${what} than its length resets its stream and is never whole at the origin`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using wire = await http2Wire(proxy.address);
    await wire.send(
      headers(1, [...fields({ ":method": "POST" }), "content-length", "5"], false),
      data(1, sent, true),
    );
    assertEquals(await wire.resetCode(1), http2.CODE.PROTOCOL_ERROR);
    assertEquals([(await proxy.ended(1)).flag, origin.requests.length], ["DPE", 0]);
    await wire.send(headers(3, GET));
    assertEquals(await wire.status(3), 200);
  });
}

const LIMITS: [what: string, lines: string[], status: number][] = [
  ["too many fields", line(...Array.from({ length: 20 }, () => ["a", "b"]).flat()), 431],
  ["a field that is too long", line("x-a", "b".repeat(3_000)), 431],
  ["a target that is too long", fields({ ":path": `/${"b".repeat(300)}` }), 414],
];

for (const [what, lines, status] of LIMITS) {
  Deno.test(`h2: ${what} is answered with ${status}, and the connection goes on`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, {
      front: "tcp",
      maxFields: 20,
      maxHead: 2_000,
      maxRequestLine: 256,
    });
    using wire = await http2Wire(proxy.address);
    await wire.send(headers(1, lines));
    assertEquals([await wire.status(1), origin.connections], [status, 0]);
    await wire.send(headers(3, GET));
    assertEquals(await wire.status(3), 200);
  });
}

Deno.test("h2: fields that a block refers to again and again count each time", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", maxHead: 8_192 });
  using wire = await http2Wire(proxy.address);
  const first = http2.headersFrames(
    1,
    new Uint8Array([
      0x82,
      0x86,
      0x84,
      0x41,
      1,
      97,
      0x40,
      1,
      98,
      0x7f,
      0xa1,
      0x1e,
      ...new Uint8Array(4_000).fill(99),
    ]),
    true,
  );
  await wire.send(first);
  assertEquals(await wire.status(1), 200);
  // The field of 4,000 bytes is number 62 by now, :authority 63.
  const bomb = new Uint8Array(1_000).fill(0x80 | 62);
  await wire.send(http2.headersFrames(3, new Uint8Array([0x82, 0x86, 0x84, 0x80 | 63, ...bomb]), true));
  assertEquals(await wire.status(3), 431);
  assert(origin.requests.length === 1);
});
