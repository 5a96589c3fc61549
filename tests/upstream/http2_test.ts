/** Upstreams that speak HTTP/2 in plain text, as Node's server does: requests and responses as they are meant to be. */
import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import type { Peer, ProxyModule } from "../../src/mod.ts";
import { bodyOf, http2Origin } from "../support/http2_origin.ts";
import { rawClient, type TestProxy, testProxy } from "../support/proxy.ts";
import { send, valuesOf } from "../support/send.ts";
import { letters, parseMessage, postText, requestText, within } from "../support/wire.ts";

const TE = "Connection: close, TE\r\nTE: trailers\r\n";

/** A proxy, on the front that hands on trailers, whose one upstream is required to speak HTTP/2. */
function proxyTo(address: string, module: ProxyModule = {}, peer: Partial<Peer> = {}): TestProxy {
  const upstream: Peer = { address, protocol: "http2", ...peer };
  return testProxy({ upstreamPeer: () => upstream, ...module }, { front: "tcp" });
}

Deno.test("a GET by HTTP/2: pseudo-fields from the request, no field of a connection, and the response as sent", async () => {
  let received: string[] = [];
  await using origin = await http2Origin((stream, _headers, raw) => {
    received = raw;
    stream.respond({ ":status": 203, "x-a": ["1", "2"], "set-cookie": ["a=1", "b=2"], "x-e": "\xe9" });
    stream.end("hello");
  });
  await using proxy = proxyTo(origin.address);
  const text = await send(
    proxy.address,
    "GET /a?b HTTP/1.1\r\nHost: a.test\r\nConnection: close, x-own\r\nX-Own: 1\r\nKeep-Alive: 5\r\n" +
      "Upgrade: x\r\nX-Twice: 1\r\nX-Twice: 2\r\nUser-Agent: a\r\nUser-Agent: b\r\n\r\n",
  );
  const pairs = Array.from({ length: received.length / 2 }, (_, i) => received.slice(2 * i, 2 * i + 2));
  const own = pairs.filter(([name]) => !/^x-(forwarded|request)|^forwarded|^via/.test(name!));
  assertEquals(own, [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/a?b"],
    [":authority", "a.test"],
    ["x-twice", "1"],
    ["x-twice", "2"],
    ["user-agent", "a"],
    ["user-agent", "b"],
  ]);
  const { status, body } = parseMessage(text);
  assertEquals([status, body, valuesOf(text, "x-a"), valuesOf(text, "set-cookie"), valuesOf(text, "x-e")], [
    203,
    "hello",
    ["1", "2"],
    ["a=1", "b=2"],
    ["\xe9"],
  ]);
});

for (const coding of ["gzip", "br"]) {
  Deno.test(`a body with content-encoding ${coding} arrives byte for byte, its length with it`, async () => {
    // What is called br need not be: nobody on the way may look.
    const bytes = gzipSync("hello ".repeat(1000));
    await using origin = await http2Origin((stream) => {
      stream.respond({ ":status": 200, "content-encoding": coding, "content-length": String(bytes.length) });
      stream.end(bytes);
    });
    await using proxy = proxyTo(origin.address);
    const text = await send(proxy.address, requestText("GET", "/", "Connection: close\r\n"));
    const message = parseMessage(text);
    assertEquals(valuesOf(text, "content-encoding"), [coding]);
    assertEquals(valuesOf(text, "content-length"), [String(bytes.length)]);
    assertEquals(message.body, Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  });
}

for (
  const [what, size, framing] of [
    ["a short body", 1000, "length"],
    ["a body that is streamed", 3_000_000, "length"],
    ["a short chunked body", 1000, "chunked"],
    ["a chunked body that is streamed", 3_000_000, "chunked"],
  ] as const
) {
  Deno.test(`${what} goes there and back by HTTP/2`, async () => {
    const body = letters(size);
    const lengths: unknown[] = [];
    await using origin = await http2Origin((stream, headers) => {
      lengths.push(headers["content-length"]);
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    });
    await using proxy = proxyTo(origin.address);
    using client = await rawClient(proxy.address);
    const closed = client.closed();
    await client.write(postText(body, framing).replace("\r\n", "\r\nConnection: close\r\n"));
    await within(closed, "the answer");
    assertEquals(parseMessage(client.received).body === body, true);
    assertEquals(lengths, [framing === "length" ? String(size) : undefined]);
    assertEquals(origin.connections, 1);
  });
}

Deno.test("trailers go both ways, and with them what gRPC needs: unary", async () => {
  const seen: unknown[] = [];
  await using origin = await http2Origin(async (stream, headers) => {
    seen.push(headers.te, headers["content-type"]);
    stream.on("trailers", (trailers) => seen.push(trailers["x-sum"]));
    const message = await bodyOf(stream);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "ok" }));
    stream.end(message);
  });
  await using proxy = proxyTo(origin.address);
  const text = await send(
    proxy.address,
    `POST /a.B/C HTTP/1.1\r\nHost: a\r\n${TE}Content-Type: application/grpc\r\nTrailer: X-Sum\r\n` +
      "Transfer-Encoding: chunked\r\n\r\n5\r\n\0\0\0\0\0\r\n0\r\nX-Sum: 9\r\n\r\n",
  );
  assertEquals(seen, ["trailers", "application/grpc", "9"]);
  assert(text.endsWith("5\r\n\0\0\0\0\0\r\n0\r\ngrpc-status: 0\r\ngrpc-message: ok\r\n\r\n"), text);
});

Deno.test("streams go both ways at once, as gRPC's do: each message is answered before the next is sent", async () => {
  await using origin = await http2Origin((stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("data", (piece: Uint8Array) => stream.write(`<${new TextDecoder().decode(piece)}>`));
    stream.on("end", () => stream.end());
  });
  await using proxy = proxyTo(origin.address);
  using client = await rawClient(proxy.address);
  await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${TE}Transfer-Encoding: chunked\r\n\r\n`);
  for (const word of ["one", "two", "three"]) {
    await client.write(`${word.length.toString(16)}\r\n${word}\r\n`);
    assert(await within(client.readUntil(`<${word}>`), `the answer to ${word}`));
  }
  await client.write("0\r\n\r\n");
  assert(await within(client.readUntil("grpc-status: 0\r\n\r\n"), "the trailers"));
});

Deno.test("an answer that is trailers alone, with no body at all, keeps them", async () => {
  await using origin = await http2Origin((stream) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "5" }));
    stream.end();
  });
  await using proxy = proxyTo(origin.address);
  const text = await send(proxy.address, requestText("GET", "/", TE));
  assert(text.endsWith("\r\n0\r\ngrpc-status: 5\r\n\r\n"), text);
});

for (const [method, status] of [["HEAD", 200], ["GET", 204], ["GET", 304]] as const) {
  Deno.test(`a ${status} to ${method} has no body, and the session goes on`, async () => {
    await using origin = await http2Origin((stream) => {
      stream.respond({ ":status": status, etag: "x" }, { endStream: true });
    });
    await using proxy = proxyTo(origin.address);
    for (let i = 0; i < 2; i++) {
      const text = await send(proxy.address, requestText(method, "/", "Connection: close\r\n"));
      assertEquals([parseMessage(text).status, text.endsWith("\r\n\r\n")], [status, true]);
    }
    assertEquals([origin.connections, proxy.idleConnections], [1, 1]);
  });
}

Deno.test("interim responses are handed on, and a body waits for 100 Continue", async () => {
  await using origin = await http2Origin((stream) => {
    stream.additionalHeaders({ ":status": 103, link: "</a>" });
    stream.additionalHeaders({ ":status": 100 });
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
  });
  await using proxy = proxyTo(origin.address);
  using client = await rawClient(proxy.address);
  await client.write("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  assert((await within(client.readHead(), "a 103"))!.startsWith("HTTP/1.1 103 "));
  assert((await within(client.readHead(), "a 100"))!.startsWith("HTTP/1.1 100 "));
  await client.write("hello");
  assert((await within(client.readHead(), "a 200"))!.startsWith("HTTP/1.1 200 "));
  assert(await within(client.readUntil("hello"), "the body"));
});

Deno.test("200 requests at once share one connection", async () => {
  const COUNT = 200;
  const held: (() => void)[] = [];
  await using origin = await http2Origin((stream, headers) => {
    held.push(() => {
      stream.respond({ ":status": 200 });
      stream.end(headers[":path"]);
    });
    // Nobody is answered until all are here.
    if (held.length === COUNT) { for (const answer of held) answer(); }
  });
  await using proxy = proxyTo(origin.address);
  const answers = Array.from({ length: COUNT }, async (_, i) => (await fetch(`${proxy.url}/${i}`)).text());
  const texts = await within(Promise.all(answers), "all answers");
  assertEquals(texts, Array.from({ length: COUNT }, (_, i) => `/${i}`));
  assertEquals([origin.connections, proxy.counters.connects, proxy.counters.reuses], [1, 1, COUNT - 1]);
});
