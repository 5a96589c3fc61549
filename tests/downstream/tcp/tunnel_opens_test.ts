import { assertEquals } from "@std/assert";
import { rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf, valuesOf } from "../../support/send.ts";
import { echo, openTunnel, restOf, switchText, tunnelOrigin, upgradeText } from "../../support/tunnel.ts";
import { within } from "../../support/wire.ts";

interface Case {
  name: string;
  /** The client's field lines that have to do with it. */
  asks: string;
  /** What the upstream switches to. */
  chosen: string;
  /** What the upstream is asked for. */
  passed: string;
}

const CASES: Case[] = [
  {
    name: "websocket",
    asks: "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    chosen: "websocket",
    passed: "websocket",
  },
  {
    name: "one that client and upstream spell differently",
    asks: "connection: UPGRADE\r\nupgrade: WebSocket\r\n",
    chosen: "WEBSOCKET",
    passed: "WebSocket",
  },
  {
    name: "one that nobody knows",
    asks: "Connection: upgrade\r\nUpgrade: x-mine/7.1\r\n",
    chosen: "x-mine/7.1",
    passed: "x-mine/7.1",
  },
  {
    name: "the last of several",
    asks: "Connection: upgrade\r\nUpgrade: first, second,third\r\n",
    chosen: "third",
    passed: "first, second, third",
  },
  {
    name: "one of several in two fields",
    asks: "Connection: upgrade\r\nUpgrade: first\r\nUpgrade: second\r\n",
    chosen: "second",
    passed: "first, second",
  },
  {
    name: "one of a list with cleartext HTTP/2, which is left out",
    asks: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: H2C, websocket\r\nHTTP2-Settings: AAMAAABk\r\n",
    chosen: "websocket",
    passed: "websocket",
  },
  {
    name: "one among other tokens of Connection, whose fields are left out",
    asks: "Connection: keep-alive, X-Mine\r\nConnection: Upgrade\r\nX-Mine: 1\r\nUpgrade: raw\r\n",
    chosen: "raw",
    passed: "raw",
  },
  {
    name: "one with an empty body",
    asks: "Connection: upgrade\r\nUpgrade: raw\r\nContent-Length: 0\r\n",
    chosen: "raw",
    passed: "raw",
  },
];

for (const { name, asks, chosen, passed } of CASES) {
  Deno.test(`a 101 makes a tunnel: ${name}`, async () => {
    let head = "";
    await using origin = rawOrigin(async (connection) => {
      head = await connection.readHead() ?? "";
      await connection.write(switchText(chosen));
      await echo(connection);
    });
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await openTunnel(proxy.address, `GET / HTTP/1.1\r\nHost: a\r\n${asks}\r\n`);
    await client.write("\0there\r\n\r\n\xff");
    await client.closeWrite();
    assertEquals(await restOf(client), "\0there\r\n\r\n\xff");
    assertEquals(
      ["upgrade", "connection", "http2-settings", "x-mine"].map((field) => valuesOf(head, field)),
      [[passed], ["upgrade"], [], []],
    );
    assertEquals(
      ["upgrade", "connection", "content-length", "transfer-encoding"].map((field) =>
        valuesOf(client.received, field)
      ),
      [[chosen], ["upgrade"], [], []],
    );
  });
}

Deno.test("the fields of a 101 keep their spelling, order and number; those of the hop are made anew", async () => {
  const lines =
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSet-Cookie: a=1\r\nX-hOP: 1\r\nset-cookie: b=2\r\n";
  const hop = "Keep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\nConnection: x-hop\r\n";
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(
      switchText("WebSocket", lines + hop).replace("Switching Protocols", "As you like"),
    );
    await echo(connection);
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await openTunnel(proxy.address, upgradeText("websocket"));
  assertEquals(
    client.received,
    "HTTP/1.1 101 As you like\r\n" + lines.replace("X-hOP: 1\r\n", "") +
      "connection: upgrade\r\nupgrade: WebSocket\r\n\r\n",
  );
});

Deno.test("end-to-end fields of the request reach the upstream as they were spelt", async () => {
  let head = "";
  await using origin = tunnelOrigin((connection) => {
    head = connection.received;
    return Promise.resolve();
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const lines =
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-VERSION: 13\r\nOrigin: http://a\r\n";
  using client = await openTunnel(proxy.address, upgradeText("websocket", lines));
  await restOf(client);
  assertEquals(head.includes(lines), true, head);
});

const AHEAD = "from the client";
const BEHIND = "from the upstream";

Deno.test("bytes glued to either head go through, wherever the client's pieces and the upstream's are cut", async () => {
  const asked = upgradeText() + AHEAD;
  const answer = switchText() + BEHIND;
  let cut = 0;
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(answer.slice(0, cut));
    await connection.write(answer.slice(cut));
    await connection.readUntil(AHEAD);
    await connection.write(connection.received.slice(-AHEAD.length));
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  for (cut = 0; cut <= Math.max(asked.length, answer.length); cut += 3) {
    using client = await rawClient(proxy.address);
    await client.write(asked.slice(0, cut));
    await client.write(asked.slice(cut));
    assertEquals(await restOf(client), BEHIND + AHEAD, `cut at ${cut}`);
    assertEquals(statusOf(client.received), 101);
  }
});

Deno.test("more bytes than a buffer holds, sent before the 101, wait for it and come in order", async () => {
  const early = Array.from({ length: 20_000 }, (_, i) => `${i} `).join("");
  const asked = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await asked.promise;
    await connection.write(switchText());
    await within(connection.closed(), "all of it");
    const [, received] = connection.received.split("\r\n\r\n");
    await connection.write(received === early ? "same" : "not the same");
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(upgradeText());
  const writing = client.write(early);
  asked.resolve();
  await writing;
  await client.closeWrite();
  assertEquals(await restOf(client), "same");
});
