/**
 * Malformed chunked bodies at the own server: whatever of the request went out before that showed, the origin never sees
 * a whole request, and what comes behind it on its connection is none.
 */
import { assert, assertEquals } from "@std/assert";
import { BAD_CHUNKS, FIELDS, TE } from "../../support/ambiguous_requests.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statuses, statusOf } from "../../support/send.ts";
import { until } from "../../support/until.ts";
import { within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const EVIL = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD = `POST /bad HTTP/1.1\r\nHost: a\r\n${TE}\r\n\r\n`;
const LAST = `GET /last HTTP/1.1\r\n${FIELDS}\r\n`;

/** Bodies that are malformed in their size lines, in what ends a chunk, and behind the last one. */
const BAD: Record<string, string> = {
  ...BAD_CHUNKS,
  ...Object.fromEntries(
    [
      ...[
        "",
        " 5",
        "\t5",
        "+5",
        "5 5",
        "5,",
        "g",
        "5h",
        "0x0",
        "00000000000005",
        "\xb5",
        "5\0",
        "5\x0b",
        "5\r",
      ],
      ...[
        "5;",
        "5; ",
        "5;=a",
        "5;a=",
        "5;a b",
        '5;a="',
        '5;a="b',
        '5;a="\\',
        "5;a=\x01",
        '5;a="\x7f"',
        "5;;a",
        "5:a",
      ],
    ].map((size) => [`size line ${JSON.stringify(size)}`, `${size}\r\nhello\r\n0\r\n\r\n`]),
  ),
  ...Object.fromEntries(
    ["", "\n", "\r", "\rx", "\n\r", "\r\r\n", " \r\n", "x\r\n", "\0"].map((
      end,
    ) => [`data that ends with ${JSON.stringify(end)}`, `5\r\nhello${end}0\r\n\r\n`]),
  ),
  "data shorter than its size": "6\r\nhello\r\n0\r\n\r\n",
  ...Object.fromEntries(
    [
      ...[
        "a",
        ": b",
        "a : b",
        " a: b",
        "a: b\r\n c",
        "a: b\n",
        "a: \0",
        "a: b\rc",
        "a: \x7f",
        "\xe9: b",
        "a\t: b",
      ],
      ...["HTTP/1.1 200 OK", "\rX: a"],
    ].map((line) => [`trailer ${JSON.stringify(line)}`, `5\r\nhello\r\n0\r\n${line}\r\n\r\n`]),
  ),
  "a bare LF as the end": "5\r\nhello\r\n0\r\n\n",
  "a bare LF behind the last size": "5\r\nhello\r\n0\n\r\n",
  "a last size with a sign": "5\r\nhello\r\n-0\r\n\r\n",
  "an endless size line": `5\r\nhello\r\n${"0".repeat(5000)}`,
  "an endless extension": `5\r\nhello\r\n5;${"a".repeat(5000)}`,
  "an endless trailer": `5\r\nhello\r\n0\r\na: ${"b".repeat(17_000)}`,
  "too many trailers": `5\r\nhello\r\n0\r\n${"a: b\r\n".repeat(3000)}\r\n`,
};

Deno.test("tcp: a malformed chunked body that comes at once is refused with 400 and closed, and its request is not completed", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  for (const [what, body] of Object.entries(BAD)) {
    assertEquals(await statuses(proxy.address, `${HEAD}${body}${EVIL}`), [400], what);
  }
  assertEquals(await statuses(proxy.address, LAST), [200]);
  assertEquals(origin.requests.map(({ line }) => line), ["GET /last HTTP/1.1"]);
  // What did go out is the beginning of a request with at most the chunks that were good.
  for (const text of origin.received) {
    const isBegun = /^(POST \/bad|GET \/last) (?:[^\r\n]+\r\n)+\r\n(5\r\nhello\r\n)?$/.test(text);
    assert(isBegun || text === "", JSON.stringify(text));
  }
});

Deno.test("tcp: a chunked body that turns out malformed when some of it is with the origin is never completed there", async () => {
  for (const [what, body] of Object.entries(BAD)) {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(`${HEAD}3\r\nabc\r\n`);
    await until("the origin has got some of it", () => origin.received[0]?.includes("abc") === true);
    await client.write(body + EVIL);
    await within(client.closed(), `the proxy to close on ${what}`);
    assertEquals(statusOf(client.received), 400, what);
    assertEquals(client.received.match(/HTTP\/1\.1/g)?.length, 1, what);
    await proxy.ended(1);
    assertEquals([origin.requests.length, origin.connections, proxy.idleConnections], [0, 1, 0], what);
  }
});

Deno.test("tcp: a malformed end of a body that the origin has answered already is no request", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy({
    requestFilter: ({ request }) => request.target === "/bad" ? new Response("early") : undefined,
    upstreamPeer: () => ({ address: origin.address }),
  }, { front: "tcp" });
  for (const [what, body] of Object.entries(BAD)) {
    assertEquals(await statuses(proxy.address, `${HEAD}${body}${EVIL}`), [200], what);
    const length = `POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
    assertEquals(await statuses(proxy.address, length + body + LAST), [200, 200], what);
  }
  assertEquals([...new Set(origin.requests.map(({ line }) => line))], ["GET /last HTTP/1.1"]);
});
