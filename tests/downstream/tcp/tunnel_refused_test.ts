/**
 * Upgrades that do not come about: the upstream says no, or something other than what was asked for.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { captureLog } from "../../support/captured_log.ts";
import { rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { send, statusOf, valuesOf } from "../../support/send.ts";
import { switchText, upgradeText } from "../../support/tunnel.ts";
import { parseMessage, requestText, responseText, within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const NEXT = requestText("GET", "/next");

const REFUSALS = [
  { name: "a 403", answer: responseText("not you", "X-Why: no\r\n", "403 Forbidden") },
  { name: "a 200, as if nothing had been asked for", answer: responseText("a page") },
  {
    name: "a chunked 404",
    answer: "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nlost\r\n0\r\n\r\n",
  },
  { name: "a 204", answer: "HTTP/1.1 204 No Content\r\n\r\n" },
];

for (const { name, answer } of REFUSALS) {
  Deno.test(`${name} is the answer, and what the client sent behind the request is the next one`, async () => {
    await using origin = wireOrigin(({ line }) => line.includes("/next") ? responseText("next") : answer);
    await using proxy = testProxy(origin.address, { front: "tcp" });
    for (const early of [true, false]) {
      using client = await rawClient(proxy.address);
      await client.write(upgradeText("websocket") + (early ? NEXT : ""));
      const head = await within(client.readHead(), "the answer");
      assertEquals(statusOf(head!), Number(answer.slice(9, 12)));
      assertEquals([valuesOf(head!, "connection"), valuesOf(head!, "upgrade")], [[], []]);
      if (!early) {
        await client.readUntil(parseMessage(answer).body);
        await client.write(NEXT);
      }
      await within(client.closed(), "the next answer");
      assertStringIncludes(client.received, parseMessage(answer).body);
      assertEquals(parseMessage(client.received.slice(client.received.lastIndexOf("HTTP/1.1"))).body, "next");
    }
    assertEquals(origin.requests.map(({ line }) => line.split(" ")[1]), [
      "/tunnel",
      "/next",
      "/tunnel",
      "/next",
    ]);
    assertEquals(origin.connections, 1, "the upstream connection is used again");
    assertEquals(proxy.entries.map(({ flag }) => flag), ["-", "-", "-", "-"]);
  });
}

for (const asked of [upgradeText("raw"), requestText("GET", "/")]) {
  Deno.test(`a 426 tells the client what to upgrade to, asked ${asked.includes("raw") ? "for another protocol" : "for none"}`, async () => {
    const lines = "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n";
    await using origin = wireOrigin(() => responseText("upgrade!", lines, "426 Upgrade Required"));
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(asked);
    await client.readUntil("upgrade!");
    const { status, body } = parseMessage(client.received);
    assertEquals([status, body], [426, "upgrade!"]);
    assertEquals(valuesOf(client.received, "upgrade"), ["websocket"]);
    assertEquals(valuesOf(client.received, "connection").includes("upgrade"), true);
    assertEquals(valuesOf(client.received, "content-length"), ["8"]);
  });
}

Deno.test("an Upgrade in any other answer, or one to cleartext HTTP/2 alone, is not passed on", async () => {
  for (const [status, protocol] of [["200 OK", "websocket"], ["426 Upgrade Required", "h2c"]] as const) {
    await using origin = wireOrigin(() =>
      responseText("x", `Connection: upgrade\r\nUpgrade: ${protocol}\r\n`, status)
    );
    await using proxy = testProxy(origin.address, { front: "tcp" });
    const answer = await send(proxy.address, requestText("GET", "/"));
    assertEquals([valuesOf(answer, "upgrade"), valuesOf(answer, "connection")], [[], ["close"]]);
  }
});

const UNASKED = [
  { name: "one that was not asked for", request: requestText("GET", "/"), chosen: "websocket" },
  { name: "another one than was asked for", request: upgradeText("websocket"), chosen: "raw" },
  { name: "one that is only part of what was asked for", request: upgradeText("websocket"), chosen: "web" },
  { name: "several at once", request: upgradeText("a, b"), chosen: "a, b" },
  { name: "cleartext HTTP/2, which was not passed on", request: upgradeText("h2c, raw"), chosen: "h2c" },
  { name: "none in particular", request: upgradeText("raw"), chosen: "" },
];

for (const { name, request, chosen } of UNASKED) {
  Deno.test(`an upstream that switches to ${name} gives a malformed answer; nothing of it goes through`, async () => {
    using log = captureLog();
    const closed = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write(switchText(chosen) + "secret");
      await connection.closed();
      closed.resolve();
    });
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(request);
    await client.readUntil("502");
    await client.write(NEXT).catch(() => {});
    await within(client.closed(), "the end");
    assertEquals(client.received.match(/^HTTP\/1.1 \d+/gm)![0], "HTTP/1.1 502");
    assertEquals(client.received.includes("secret"), false);
    await within(closed.promise, "the end of the upstream's connection");
    const entry = await proxy.ended(1);
    assertEquals([entry.flag, entry.attempts, proxy.idleConnections], ["UPE", 1, 0]);
    await log.line("bad_response");
  });
}

Deno.test("an upstream that closes instead of answering an upgrade is asked again, as a GET is", async () => {
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    if (connection.number > 1) await connection.write(responseText("no", "", "403 Forbidden"));
  });
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    errorWhileProxy: () => true,
  }, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(upgradeText());
  assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 403);
  assertEquals((await proxy.ended(1)).attempts, 2);
});
