/**
 * HTTP/2 clients whose requests share a connection or do not end well.
 *
 * Upstreams are spoken to in HTTP/1.1 all the same, so that Pingora's tests with HTTP/2 on the other side have no
 * counterpart. A stream that fails ends with INTERNAL_ERROR, where Pingora says CANCEL.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { http2Session } from "../support/http2_session.ts";
import { onBothFronts } from "../support/fronts.ts";
import { rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, requestText, responseText, within } from "../support/wire.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const INTERNAL_ERROR = 2;
const CANCEL = 8;

onBothFronts("HTTP/2: other clients are served HTTP/1.1 on the same port", async (front) => {
  await using origin = wireOrigin(() => responseText("hello"));
  await using proxy = testProxy(origin.address, { front });
  await using session = http2Session(proxy.url);
  assertEquals((await session.ask({ ":path": "/2" }).outcome).body, "hello");
  assertEquals(parseMessage(await send(proxy.address, requestText("GET", "/1"))).body, "hello");
  assertEquals((await session.ask({ ":path": "/3" }).outcome).body, "hello");
  assertEquals(origin.requests.map(({ line }) => line.split(" ")[1]), ["/2", "/1", "/3"]);
});

onBothFronts("HTTP/2: the Host that upstreamRequestFilter sets is what the origin gets", async (front) => {
  await using origin = wireOrigin();
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    upstreamRequestFilter: (_session, { headers }) => headers.set("host", "other.example"),
  }, { front });
  await using session = http2Session(proxy.url);
  assertEquals((await session.ask({ ":path": "/" }).outcome).status, 200);
  const { fields } = parseMessage(origin.requests[0]!.text);
  assertEquals(fields.filter(([name]) => name === "host"), [["host", "other.example"]]);
});

onBothFronts("HTTP/2: CONNECT is answered with 405, and no upstream is asked", async (front) => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front });
  await using session = http2Session(proxy.url);
  const { status, body } = await session.ask({ ":method": "CONNECT", ":authority": "a:443" }).outcome;
  assertEquals([status, origin.connections], [405, 0]);
  assertStringIncludes(body, "request id: ");
});

onBothFronts("HTTP/2: after a HEAD's answer the connection goes on", async (front) => {
  await using origin = wireOrigin(({ line }) =>
    responseText("hello").slice(0, line.startsWith("HEAD") ? -5 : undefined)
  );
  await using proxy = testProxy(origin.address, { front });
  await using session = http2Session(proxy.url);
  const { status, fields, body, code } = await session.ask({ ":method": "HEAD", ":path": "/" }).outcome;
  assertEquals([status, fields["content-length"], body, code], [200, "5", "", 0]);
  assertEquals((await session.ask({ ":path": "/" }).outcome).body, "hello");
});

onBothFronts(
  "HTTP/2: what an upstream says of its own connection does not reach the client",
  async (front) => {
    const lines = "Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nUpgrade: h2c\r\n";
    await using origin = wireOrigin(() => responseText("hello", lines));
    await using proxy = testProxy(origin.address, { front });
    await using session = http2Session(proxy.url);
    const { fields, body } = await session.ask({ ":path": "/" }).outcome;
    assertEquals(body, "hello");
    assertEquals(["connection", "keep-alive", "x-hop", "upgrade"].filter((name) => name in fields), []);
  },
);

onBothFronts("HTTP/2: an upstream that dies before its head is a 502, not a wait", async (front) => {
  await using origin = rawOrigin(async (connection) => void await connection.readHead());
  await using proxy = testProxy(origin.address, { front });
  await using session = http2Session(proxy.url);
  const { status, body, code } = await within(session.ask({ ":path": "/" }).outcome, "the answer");
  const { id } = await proxy.ended(1);
  assertEquals([status, body, code], [502, `502 Bad Gateway\nrequest id: ${id}\n`, 0]);
});

const HALVES: [framing: string, text: string][] = [
  ["length", "Content-Length: 300000\r\n\r\nhello"],
  ["chunked", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
];

for (const [framing, text] of HALVES) {
  onBothFronts(
    `HTTP/2: an upstream that dies in its body ends the stream with an error: ${framing}`,
    async (front) => {
      const half = Promise.withResolvers<void>();
      await using origin = rawOrigin(async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\n${text}`);
        await half.promise;
      });
      await using proxy = testProxy(origin.address, { front });
      await using session = http2Session(proxy.url);
      const { stream, outcome } = session.ask({ ":path": "/" });
      stream.once("data", () => half.resolve());
      const { status, body, code } = await within(outcome, "the end of the stream");
      assertEquals([status, body, code], [200, "hello", INTERNAL_ERROR]);
      assertEquals((await proxy.ended(1)).flag, "UC");
    },
  );
}

onBothFronts(
  "HTTP/2: a client that resets its stream at once, while it waits for the head, is seen to be gone",
  async (front) => {
    const asked = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      asked.resolve();
      await connection.closed();
      closed.resolve();
    });
    await using proxy = testProxy(origin.address, { front });
    await using session = http2Session(proxy.url);
    const { stream, outcome } = session.ask({ ":path": "/" });
    await within(asked.promise, "the origin to be asked");
    stream.close(CANCEL);
    await outcome;
    await within(closed.promise, "the origin's connection to close");
    assertEquals((await proxy.ended(1)).status, 499);
  },
);

onBothFronts(
  "HTTP/2: a client that resets its stream ends the upstream's work, and its other streams go on",
  async (front) => {
    const closed = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      if (!(await connection.readHead())?.startsWith("GET /long")) {
        return await connection.write(responseText("hello"));
      }
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello");
      await connection.closed();
      closed.resolve();
    });
    await using proxy = testProxy(origin.address, { front });
    await using session = http2Session(proxy.url);
    const { stream, outcome } = session.ask({ ":path": "/long" });
    stream.once("data", () => stream.close(CANCEL));
    assertEquals((await within(outcome, "the end of the stream")).code, CANCEL);
    await within(closed.promise, "the upstream's connection to close");
    assertEquals((await within(proxy.ended(1), "the end of the request")).flag, "DC");
    assertEquals((await session.ask({ ":path": "/" }).outcome).body, "hello");
  },
);
