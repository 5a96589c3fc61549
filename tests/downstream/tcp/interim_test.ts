/** Interim (1xx) responses of an upstream: relayed ahead of the answer to clients that know of them, dropped elsewhere. */
import { assertEquals } from "@std/assert";
import { CLOSE, partsOrigin } from "../../support/parts_origin.ts";
import { rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { send } from "../../support/send.ts";
import { parseMessage, requestText, responseText, within } from "../../support/wire.ts";

const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nLINK: </b>\r\n\r\n";
const PROCESSING = "HTTP/1.1 102 Still at it\r\n\r\n";
const OK = responseText("ok");

const RELAYED: [what: string, parts: string[], ahead: string][] = [
  ["103 with its fields", [HINTS, OK], HINTS],
  ["103 in the same packet as the answer", [HINTS + OK], HINTS],
  ["several, in order", [PROCESSING + HINTS, PROCESSING, OK], PROCESSING + HINTS + PROCESSING],
  ["103 split in the middle of a line", [HINTS.slice(0, 30), HINTS.slice(30) + OK], HINTS],
  ["100 that nobody asked for", [`HTTP/1.1 100 Continue\r\n\r\n${OK}`], "HTTP/1.1 100 Continue\r\n\r\n"],
  [
    "not what belongs to the upstream's connection, or would frame it",
    [`HTTP/1.1 103 Hints\r\nConnection: x-own\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 9\r\nA: 1\r\n\r\n${OK}`],
    "HTTP/1.1 103 Hints\r\nA: 1\r\n\r\n",
  ],
];

for (const [what, parts, ahead] of RELAYED) {
  Deno.test(`interim responses reach an HTTP/1.1 client: ${what}`, async () => {
    await using origin = partsOrigin(parts);
    await using proxy = testProxy(origin.address, { front: "tcp" });
    for (let i = 0; i < 2; i++) {
      const text = await send(proxy.address, requestText("GET", "/"));
      assertEquals(text.slice(0, ahead.length), ahead);
      const { status, body, complete } = parseMessage(text.slice(ahead.length));
      assertEquals([status, body, complete], [200, "ok", true]);
    }
    assertEquals([origin.connections, (await proxy.ended(2)).status], [1, 200]);
  });
}

Deno.test("an interim response arrives before the upstream makes its answer", async () => {
  const released = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(HINTS);
    await released.promise;
    await connection.write(OK);
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(requestText("GET", "/"));
  assertEquals(await within(client.readHead(), "the hints"), HINTS);
  assertEquals([proxy.entries.length, proxy.counters.active], [0, 1]);
  released.resolve();
  await within(client.closed(), "the answer");
  assertEquals(parseMessage(client.received.slice(HINTS.length)).body, "ok");
});

Deno.test("an upstream that dies behind an interim response is a 502 behind it", async () => {
  await using origin = partsOrigin([HINTS, CLOSE]);
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const text = await send(proxy.address, requestText("GET", "/"));
  assertEquals(text.slice(0, HINTS.length), HINTS);
  assertEquals(parseMessage(text.slice(HINTS.length)).status, 502);
  assertEquals([(await proxy.ended(1)).flag, origin.connections], ["UC", 1]);
});

Deno.test("an interim response while an upload goes on leaves both alone", async () => {
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(PROCESSING);
    await connection.readUntil("the end");
    await connection.write(OK);
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const length = 200_000 + "the end".length;
  using client = await rawClient(proxy.address);
  await client.write(requestText("POST", "/", `Content-Length: ${length}\r\n`, "x".repeat(100_000)));
  assertEquals(await within(client.readHead(), "the interim response"), PROCESSING);
  await client.write(`${"x".repeat(100_000)}the end`);
  await within(client.closed(), "the answer");
  assertEquals(parseMessage(client.received.slice(PROCESSING.length)).status, 200);
  assertEquals((await proxy.ended(1)).bytesReceived, length);
});

const DROPPED: [who: string, front: "serve" | "tcp", version: string][] = [
  ["an HTTP/1.0 client", "tcp", "1.0"],
  ["a client of Deno.serve, which cannot send them", "serve", "1.1"],
];

for (const [who, front, version] of DROPPED) {
  Deno.test(`interim responses do not reach ${who}`, async () => {
    await using origin = partsOrigin([HINTS + PROCESSING, OK]);
    await using proxy = testProxy(origin.address, { front });
    const text = await send(proxy.address, `GET / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const { status, body, fields } = parseMessage(text);
    assertEquals([status, body, fields.some(([name]) => name === "link")], [200, "ok", false]);
  });
}
