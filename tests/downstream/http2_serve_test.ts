/** What `Deno.serve` makes of clients that break HTTP/2: there are no limits to set, and few of its own. */
import { assert, assertEquals } from "@std/assert";
import { concat } from "../../src/http/body.ts";
import { CODE, FRAME, frame, MAX_FRAME } from "../../src/http/http2_frames.ts";
import { REFUSED } from "../support/http2_refused.ts";
import { data, fields, headers, http2Wire, reset } from "../support/http2_wire.ts";
import { testProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";
import { within } from "../support/wire.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const GET = fields();

/** What it takes, in one sense alone; the target that it makes of them. */
const TAKEN: Record<string, string> = {
  "a :path without a slash": "/x",
  "a whole URL as :path": "/http://a/",
  "a fragment in :path": "/",
  "a space ahead of a value": "/",
  "a tab behind a value": "/",
  "two lengths": "/",
};

for (const [what, target] of Object.entries(TAKEN)) {
  Deno.test(`h2: taken by Deno.serve: ${what}`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address);
    using wire = await http2Wire(proxy.address);
    await wire.send(headers(1, REFUSED[what]!));
    assertEquals(await wire.status(1), 200);
    assertEquals(origin.requests.map(({ line }) => line), [`GET ${target} HTTP/1.1`]);
  });
}

for (const [what, lines] of Object.entries(REFUSED)) {
  if (what in TAKEN) continue;
  Deno.test(`h2: not forwarded by Deno.serve either: ${what}`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address);
    using wire = await http2Wire(proxy.address);
    await wire.send(headers(1, lines)).catch(() => {});
    const refused = wire.frame(({ type, stream }) =>
      type === FRAME.GOAWAY || stream === 1 && type !== FRAME.WINDOW_UPDATE
    );
    const { type, fields } = await refused.catch(() => ({ type: FRAME.GOAWAY, fields: undefined }));
    if (type === FRAME.HEADERS) assertEquals(fields![":status"], "400");
    assertEquals(origin.requests.length, 0);
  });
}

for (const [what, sent] of [["longer", "hello!"], ["shorter", "hell"]] as const) {
  Deno.test(`h2: a body that is ${what} than its length is never whole at the origin, by Deno.serve either`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address);
    using wire = await http2Wire(proxy.address);
    const post = [...fields({ ":method": "POST" }), "content-length", "5"];
    await wire.send(headers(1, post, false), data(1, sent, true));
    assertEquals([await wire.resetCode(1), origin.requests.length], [CODE.PROTOCOL_ERROR, 0]);
  });
}

Deno.test("h2: a head over 16 KB is answered with 431 by Deno.serve", async () => {
  await using proxy = testProxy("127.0.0.1:1");
  using wire = await http2Wire(proxy.address);
  await wire.send(headers(1, [...GET, "x-a", "b".repeat(20_000)]));
  assertEquals(await wire.status(1), 431);
});

Deno.test("h2: Deno.serve ends a connection that sends a header block without end", async () => {
  await using proxy = testProxy("127.0.0.1:1");
  using wire = await http2Wire(proxy.address);
  await wire.send(frame(FRAME.HEADERS, 0, 1, new Uint8Array([0x82])));
  const part = frame(FRAME.CONTINUATION, 0, 1, new Uint8Array(MAX_FRAME).fill(0x82));
  for (let i = 0; i < 100; i++) await wire.send(part).catch(() => {});
  await within(wire.closed, "the end of the connection");
});

Deno.test("h2: Deno.serve ends a connection whose requests are reset at once, again and again", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  using wire = await http2Wire(proxy.address);
  const requests = Array.from({ length: 500 }, (_, i) => [headers(2 * i + 1, GET), reset(2 * i + 1)]).flat();
  await wire.send(concat(requests)).catch(() => {});
  assertEquals(await wire.goAwayCode(), CODE.ENHANCE_YOUR_CALM);
  await until("the end of all requests", () => proxy.counters.active === 0);
  assert(origin.requests.length < 100, `${origin.requests.length} requests`);
});
