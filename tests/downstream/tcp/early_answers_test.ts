/** Answers that come before the end of an upload: the client gets all of them, whatever it goes on sending. */
import { assert, assertEquals } from "@std/assert";
import type { ProxyModule } from "../../../src/mod.ts";
import { type Flow, push } from "../../support/flow.ts";
import { rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf, valuesOf } from "../../support/send.ts";
import { parseMessage, responseText, within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const MB = 1024 * 1024;
const FRAMINGS = {
  length: "Content-Length: 1048576\r\n\r\n",
  chunks: "Transfer-Encoding: chunked\r\n\r\n100000\r\n",
};

/** Who answers early, with which status. */
const ANSWERERS: Record<string, { status: number; module: (address: string) => ProxyModule }> = {
  "maxRequestBody": {
    status: 413,
    module: (address) => ({ options: { maxRequestBody: 1000 }, upstreamPeer: () => ({ address }) }),
  },
  "requestFilter": {
    status: 401,
    module: () => ({ requestFilter: () => new Response("no", { status: 401 }) }),
  },
  "the upstream": { status: 403, module: (address) => ({ upstreamPeer: () => ({ address }) }) },
};

/** An origin that answers 403 to a head. */
function refusing() {
  return rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(responseText("no", "", "403 Forbidden"));
    await connection.closed();
  });
}

for (const [who, { status, module }] of Object.entries(ANSWERERS)) {
  for (const [framing, lines] of Object.entries(FRAMINGS)) {
    Deno.test(`a client that reads only when it has sent its MB in ${framing} gets the whole answer of ${who}`, async () => {
      await using origin = refusing();
      await using proxy = testProxy(module(origin.address), { front: "tcp" });
      using client = await rawClient(proxy.address);
      await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${lines}`);
      assertEquals(await within(push(client, MB).done, "all of it to be taken"), true);
      if (framing === "chunks") await client.write("\r\n0\r\n\r\n");
      await within(client.closed(), "the answer and the end");
      const answer = parseMessage(client.received);
      assertEquals([answer.status, answer.complete], [status, true]);
      assertEquals(valuesOf(client.received, "connection"), ["close"]);
      assertEquals((await proxy.ended(1)).status, status);
    });
  }
}

Deno.test("a client that never stops sending is cut off behind maxDiscard bytes", async () => {
  await using proxy = testProxy(ANSWERERS.requestFilter!.module(""), { front: "tcp", maxDiscard: MB });
  using client = await rawClient(proxy.address);
  await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n");
  const flow: Flow = push(client, 1_000_000_000);
  await within(client.readUntil("no"), "the answer");
  assertEquals(statusOf(client.received), 401);
  assertEquals(await within(flow.done, "the end of the connection"), false);
  // Buffers of both sockets take some megabytes more.
  assert(flow.pushed >= MB && flow.pushed < 100 * MB, `${flow.pushed} bytes were taken`);
});

for (
  const [framing, head, rest] of [
    ["a length", "Content-Length: 60000\r\n\r\n", ""],
    ["a length, all of it here already", `Content-Length: 3\r\n\r\n`, "abc"],
  ]
) {
  Deno.test(`a short rest of an upload with ${framing} costs no connection`, async () => {
    await using origin = wireOrigin(() => responseText("next"));
    await using proxy = testProxy({
      requestFilter: ({ request }) =>
        request.method === "POST" ? new Response("early", { status: 401 }) : undefined,
      upstreamPeer: () => ({ address: origin.address }),
    }, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${head}${rest}`);
    await within(client.readUntil("early"), "the early answer");
    assertEquals(valuesOf(client.received, "connection"), []);
    const body = rest === "" ? "x".repeat(60_000) : "";
    await client.write(`${body}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await within(client.closed(), "the next answer");
    assertEquals(client.received.match(/HTTP\/1\.1 \d{3}/g), ["HTTP/1.1 401", "HTTP/1.1 200"]);
    assertEquals(origin.requests.map(({ line }) => line), ["GET / HTTP/1.1"]);
  });
}

Deno.test("a rest that is not short, or of unknown length, closes the connection, and is never a request", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy({
    requestFilter: () => new Response("early", { status: 401 }),
    upstreamPeer: () => ({ address: origin.address }),
  }, { front: "tcp" });
  for (const lines of ["Content-Length: 100000\r\n", "Transfer-Encoding: chunked\r\n"]) {
    using client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
    await within(client.readUntil("early"), "the early answer");
    await client.write("GET /poison HTTP/1.1\r\nHost: a\r\n\r\n");
    await within(client.closed(), "the end of the connection");
    assertEquals(valuesOf(client.received, "connection"), ["close"]);
    assertEquals(client.received.match(/HTTP\/1\.1 \d{3}/g), ["HTTP/1.1 401"]);
  }
  assertEquals([origin.connections, proxy.entries.length], [0, 2]);
});

Deno.test("a long answer to an upload that nobody reads arrives whole", async () => {
  const body = "x".repeat(3 * MB);
  await using proxy = testProxy({ requestFilter: () => new Response(body, { status: 400 }) }, {
    front: "tcp",
  });
  using client = await rawClient(proxy.address);
  await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${FRAMINGS.length}`);
  const flow = push(client, MB);
  await within(client.closed(), "the answer");
  assertEquals(await flow.done, true);
  const answer = parseMessage(client.received);
  assertEquals([answer.status, answer.body.length, answer.complete], [400, body.length, true]);
});

Deno.test("an upstream's early answer streams on beside the upload, and both are whole", async () => {
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n");
    await connection.readUntil("the end");
    await connection.write("4\r\nlate\r\n0\r\n\r\n");
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100007\r\n\r\n");
  await within(client.readUntil("early"), "the early part");
  await client.write(`${"x".repeat(100_000)}the end`);
  await within(client.readUntil("0\r\n\r\n"), "the rest");
  const answer = parseMessage(client.received);
  assertEquals([answer.body, answer.complete], ["earlylate", true]);
  assertEquals((await proxy.ended(1)).bytesReceived, 100_007);
});
