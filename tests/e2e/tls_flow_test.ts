// Requests, tunnels and endings over TLS: what the own server does without it has to hold with it.
import { assert, assertEquals } from "@std/assert";
import { httpOrigin, rawOrigin } from "../support/origin.ts";
import { e2e } from "../support/process.ts";
import { tlsClient, tlsProxy, TRUST } from "../support/tls_proxy.ts";
import { within } from "../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

e2e("small pieces of an answer do not wait for the client's acknowledgements", async () => {
  const piece = () => new Promise((resolve) => setTimeout(resolve, 1)).then(() => new Uint8Array([65]));
  await using origin = httpOrigin(() => {
    const pieces = async function* () {
      for (let i = 0; i < 3; i++) yield await piece();
    };
    return new Response(ReadableStream.from(pieces()));
  });
  await using proxy = tlsProxy(origin.address);
  using client = await tlsClient(proxy.port);
  const from = performance.now();
  for (let i = 0; i < 75; i++) {
    await client.write(GET);
    assert(await client.readUntil("\r\n0\r\n\r\n", client.received.length));
  }
  // An answer with a piece that waits takes 40 ms or more.
  const took = performance.now() - from;
  assert(took < 2_500, `${took} ms`);
});

e2e("a tunnel passes bytes both ways, and ends with either side", async () => {
  for (const first of ["client", "origin"]) {
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write(SWITCHED);
      await connection.readUntil("to the origin");
      await connection.write("to the client");
      if (first === "client") await connection.closed();
    });
    await using proxy = tlsProxy(origin.address);
    using client = await tlsClient(proxy.port);
    await client.write(UPGRADE);
    assert((await client.readHead())?.startsWith("HTTP/1.1 101"));
    await client.write("to the origin");
    assert(await client.readUntil("to the client"));
    if (first === "client") await client.closeWrite();
    await within(client.closed(), "the end of the tunnel");
  }
});

e2e("the end of an answer that ends with its connection is told by TLS", async () => {
  await using origin = httpOrigin(() => new Response(new Blob(["hello"]).stream()));
  await using proxy = tlsProxy(origin.address);
  using conn = await Deno.startTls(await Deno.connect({ hostname: "127.0.0.1", port: proxy.port }), {
    ...TRUST,
    hostname: "one.one.one.one",
  });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
  // Without the end, this read rejects.
  const text = await new Response(conn.readable).text();
  assert(text.endsWith("\r\n\r\nhello"), text);
});

e2e("a proxy that stops finishes its requests over TLS and closes idle connections", async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using origin = httpOrigin(async () => {
    asked.resolve();
    await release.promise;
    return new Response("hello");
  });
  await using proxy = tlsProxy(origin.address);
  using idle = await tlsClient(proxy.port);
  using busy = await tlsClient(proxy.port);
  await busy.write(GET);
  await asked.promise;
  const stopped = proxy.running.stop(60_000);
  await within(idle.closed(), "the end of the idle connection");
  release.resolve();
  await within(busy.closed(), "the end of the busy connection");
  assert(busy.received.endsWith("hello"));
  await stopped;
});

e2e("a proxy that stops at once closes connections over TLS, whatever they are doing", async () => {
  const asked = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    asked.resolve();
    await connection.closed();
  });
  const proxy = tlsProxy(origin.address);
  using shaking = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  using idle = await tlsClient(proxy.port);
  using busy = await tlsClient(proxy.port);
  await busy.write(GET);
  await asked.promise;
  await within(Promise.resolve(proxy[Symbol.asyncDispose]()), "the end of the proxy");
  await within(Promise.all([idle.closed(), busy.closed()]), "the end of both connections");
  assertEquals(await shaking.read(new Uint8Array(1)).catch(() => null), null);
});
