/**
 * Wishes to upgrade that are none, or that must not be granted: the request goes on as any other.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { send, statusOf, valuesOf } from "../../support/send.ts";
import { switchText, upgradeText } from "../../support/tunnel.ts";
import { parseMessage, requestText, responseText, within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const GO = "Connection: close, upgrade\r\nUpgrade: websocket\r\n";

const DROPPED = [
  { name: "without Connection", request: requestText("GET", "/", "Upgrade: websocket\r\n") },
  {
    name: "with a Connection that does not name it",
    request: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, upgraded\r\nUpgrade: websocket\r\n\r\n",
  },
  {
    name: "that Connection alone names",
    request: "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\n\r\n",
  },
  { name: "in HTTP/1.0", request: `GET / HTTP/1.0\r\nHost: a\r\n${GO}\r\n` },
  {
    name: "with a body of a length",
    request: `POST / HTTP/1.1\r\nHost: a\r\n${GO}Content-Length: 4\r\n\r\nbody`,
    body: "body",
  },
  {
    name: "with a chunked body",
    request: `POST / HTTP/1.1\r\nHost: a\r\n${GO}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
    body: "body",
  },
  {
    name: "that is empty",
    request: "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, close\r\nUpgrade: ,\r\n\r\n",
  },
  ...["h2c", "H2C", "h2", "h2c, h2", "h2c,,"].map((list) => ({
    name: `to cleartext HTTP/2, as ${list}`,
    request: "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\n" +
      `Upgrade: ${list}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
  })),
  {
    name: "to cleartext HTTP/2, with settings that Connection does not name",
    request:
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\nhttp2-settings: A\r\n\r\n",
  },
];

for (const { name, request, body = "" } of DROPPED) {
  Deno.test(`a wish ${name} is dropped, and the request goes on`, async () => {
    await using origin = wireOrigin(() => responseText("hello"));
    const seen: (string | null)[] = [];
    await using proxy = testProxy({
      requestFilter: ({ upgrade }) => void seen.push(upgrade),
      upstreamPeer: () => ({ address: origin.address }),
    }, { front: "tcp" });
    const message = parseMessage(await send(proxy.address, request));
    assertEquals([message.status, message.body], [200, "hello"]);
    const [asked] = origin.requests;
    assertEquals(asked!.body, body);
    assertEquals(
      ["connection", "upgrade", "http2-settings"].map((field) => valuesOf(asked!.text, field)),
      [[], [], []],
    );
    assertEquals(seen, [null]);
  });

  Deno.test(`an upstream that switches although the wish ${name} was dropped gives a malformed answer`, async () => {
    await using origin = wireOrigin(() => switchText("websocket"));
    await using proxy = testProxy(origin.address, { front: "tcp" });
    assertEquals(statusOf(await send(proxy.address, request)), 502);
    assertEquals(proxy.idleConnections, 0);
  });
}

Deno.test("CONNECT is no way to a tunnel, not even as an upgrade", async () => {
  await using origin = wireOrigin(() => switchText("raw"));
  await using proxy = testProxy(origin.address, { front: "tcp" });
  for (const target of ["a:443", "/"]) {
    const request = upgradeText().replace("GET /tunnel", `CONNECT ${target}`);
    assertEquals(statusOf(await send(proxy.address, request)), 405);
  }
  assertEquals(origin.requests, []);
});

Deno.test("hop-by-hop fields that a hook sets make no wish, and no 101", async () => {
  await using origin = wireOrigin(() => responseText("hello"));
  await using proxy = testProxy({
    requestFilter({ request: { headers } }) {
      headers.set("connection", "upgrade");
      headers.set("upgrade", "websocket");
    },
    upstreamPeer: () => ({ address: origin.address }),
    responseFilter(_, { headers }) {
      headers.set("connection", "upgrade");
      headers.set("upgrade", "websocket");
    },
  }, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const head = await within(client.readHead(), "the answer");
  for (const text of [origin.requests[0]!.text, head!]) {
    assertEquals([valuesOf(text, "connection"), valuesOf(text, "upgrade")], [[], []]);
  }
});
