/** Bytes that nobody would send, and what others make of the same fields. */
import http2 from "node:http2";
import { assertEquals } from "@std/assert";
import { PREFACE, settingsFrame } from "../../../src/http/http2_frames.ts";
import { concat } from "../../../src/http/body.ts";
import { data, fields, headers, http2Wire, reset } from "../../support/http2_wire.ts";
import { testProxy } from "../../support/proxy.ts";
import { Random } from "../../support/random.ts";
import { until } from "../../support/until.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

Deno.test("h2: frames with bytes changed at random end their connection or are answered, and nothing is left of them", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy({
    options: { clientBodyTimeout: 100 },
    upstreamPeer: () => ({ address: origin.address }),
  }, { front: "tcp", headTimeout: 200, idleTimeout: 200 });
  const chance = new Random(2);
  const next = (limit: number) => chance.below(limit);
  const good = concat([
    settingsFrame(4, 100_000),
    headers(1, fields({ ":method": "POST" }), false),
    data(1, "hello"),
    headers(3, [...fields(), "x-a", "b", "cookie", "c=d"]),
    headers(1, ["x-sum", "1"]),
    headers(5, fields({ ":method": "POST" }), false),
    reset(5),
    headers(7, fields()),
  ]);
  const one = async () => {
    const bytes = good.slice();
    for (let i = 0; i <= next(4); i++) bytes[next(bytes.length)] = next(256);
    using wire = await http2Wire(proxy.address, { begins: false });
    await wire.send(PREFACE).catch(() => {});
    // In two parts, wherever they meet.
    const cut = next(bytes.length);
    await wire.send(bytes.subarray(0, cut)).catch(() => {});
    await wire.send(bytes.subarray(cut)).catch(() => {});
    await wire.closed;
  };
  for (let round = 0; round < 4; round++) await Promise.all(Array.from({ length: 100 }, one));
  await until("the end of all requests", () => proxy.counters.active === 0);
  using wire = await http2Wire(proxy.address);
  await wire.send(headers(1, fields()));
  assertEquals(await wire.status(1), 200);
});

Deno.test("h2: every character that a field may hold arrives as it was sent, from a client that codes them", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const session = http2.connect(proxy.url);
  const closed = new Promise((resolve) => session.once("close", resolve));
  const codes = Array.from({ length: 256 }, (_, code) => code).filter((code) => code > 32 && code !== 127);
  // So short is the code of an "a" that each of these is coded.
  const values = codes.map((code) => "a".repeat(80) + String.fromCharCode(code));
  for (let at = 0; at < values.length; at += 100) {
    const part = values.slice(at, at + 100);
    const stream = session.request(Object.fromEntries(part.map((value, i) => [`x-${i}`, value])));
    await new Promise((resolve) => stream.on("response", resolve));
    const came = origin.requests.at(-1)!.fields.filter((field) => /^x-\d/.test(field));
    assertEquals(came, part.map((value, i) => `x-${i}: ${value}`));
    stream.close();
  }
  session.close();
  await closed;
});
