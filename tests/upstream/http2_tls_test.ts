/** Which version of HTTP is agreed on over TLS, and what becomes of the connection that it was agreed on. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Peer } from "../../src/mod.ts";
import { targetOf } from "../../src/upstream/peer.ts";
import { CA, OTHER } from "../support/certs.ts";
import { http2Origin } from "../support/http2_origin.ts";
import { cannedOrigin } from "../support/origin.ts";
import { rawClient, type TestProxy, testProxy } from "../support/proxy.ts";
import { tlsOrigin } from "../support/tls_origin.ts";
import { within } from "../support/wire.ts";

const HTTP1_ONLY = ["http/1.1"];

function proxyTo(
  address: string,
  protocol: "http1" | "http2" | "auto",
  serverName = "other.test",
): TestProxy {
  const peer: Peer = { address, protocol, tls: { serverName, caCerts: [CA] } };
  return testProxy({ options: { retries: 0 }, upstreamPeer: () => peer });
}

async function get(proxy: TestProxy): Promise<[status: number, body: string]> {
  const response = await fetch(proxy.url);
  return [response.status, await response.text()];
}

for (const protocol of ["http2", "auto"] as const) {
  Deno.test(`protocol "${protocol}" speaks HTTP/2 to an upstream that offers it`, async () => {
    const schemes: unknown[] = [];
    await using origin = await http2Origin((stream, headers) => {
      schemes.push(headers[":scheme"]);
      stream.respond({ ":status": 200 });
      stream.end("two");
    }, OTHER);
    await using proxy = proxyTo(origin.address, protocol);
    assertEquals([await get(proxy), await get(proxy)], [[200, "two"], [200, "two"]]);
    assertEquals([schemes, origin.connections], [["https", "https"], 1]);
  });

  Deno.test(`protocol "${protocol}" verifies the name in the certificate`, async () => {
    await using origin = await http2Origin((stream) => stream.close(), OTHER);
    await using proxy = proxyTo(origin.address, protocol, "x.test");
    assertEquals((await get(proxy))[0], 502);
    assertEquals((await proxy.ended(1)).flag, "UF");
  });
}

Deno.test(`protocol "http2" is a 502 where the upstream does not offer it`, async () => {
  await using origin = tlsOrigin(OTHER, "one", undefined, HTTP1_ONLY);
  await using proxy = proxyTo(origin.address, "http2");
  assertEquals((await get(proxy))[0], 502);
  assertEquals((await proxy.ended(1)).flag, "UF");
});

Deno.test(`protocol "http1", the default, offers nothing else`, async () => {
  await using origin = tlsOrigin(OTHER, "one");
  await using proxy = proxyTo(origin.address, "http1");
  assertEquals([await get(proxy), origin.protocols], [[200, "one"], ["http/1.1"]]);
});

Deno.test(`protocol "auto" falls back to HTTP/1.1 on the connection that it was found out on, which is kept`, async () => {
  await using origin = tlsOrigin(OTHER, "one", undefined, HTTP1_ONLY);
  await using proxy = proxyTo(origin.address, "auto");
  for (let i = 0; i < 3; i++) assertEquals(await get(proxy), [200, "one"]);
  assertEquals([origin.connections, proxy.counters.connects, proxy.counters.reuses], [1, 1, 2]);
  assertEquals(proxy.idleConnections, 1);
});

Deno.test(`protocol "auto": requests that arrive together are all served by an upstream of HTTP/1.1`, async () => {
  const all = Promise.withResolvers<void>();
  let count = 0;
  await using origin = tlsOrigin(OTHER, "", async (connection) => {
    // Nobody is answered until each has a connection.
    while (await connection.readHead() !== null) {
      if (++count === 8) all.resolve();
      await all.promise;
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    }
  }, HTTP1_ONLY);
  await using proxy = proxyTo(origin.address, "auto");
  const answers = await within(Promise.all(Array.from({ length: 8 }, () => get(proxy))), "the answers");
  assertEquals(answers, Array.from({ length: 8 }, () => [200, "one"]));
  assertEquals([origin.connections, proxy.counters.connects], [8, 8]);
});

Deno.test(`protocol "auto" in plain text is HTTP/1.1`, async () => {
  await using origin = cannedOrigin("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
  const peer: Peer = { address: origin.address, protocol: "auto" };
  await using proxy = testProxy({ upstreamPeer: () => peer });
  assertEquals(await get(proxy), [200, "one"]);
});

Deno.test(`protocol "auto": what may switch protocols goes by HTTP/1.1, everything else by HTTP/2`, async () => {
  await using origin = tlsOrigin(OTHER, "", async (connection) => {
    if (await connection.readHead() === null) return;
    await connection.write("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    for (let text; (text = await connection.read()) !== null;) await connection.write(text);
  });
  const peer: Peer = {
    address: origin.address,
    protocol: "auto",
    tls: { serverName: "other.test", caCerts: [CA] },
  };
  await using proxy = testProxy({ upstreamPeer: () => peer }, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
  assert((await within(client.readHead(), "a 101"))!.startsWith("HTTP/1.1 101 "));
  await client.write("hello");
  assert(await within(client.readUntil("hello"), "the echo"));
  assertEquals(origin.protocols, ["http/1.1"]);
});

Deno.test("a protocol that is none is refused, saying what is allowed", () => {
  const peer = { address: "127.0.0.1:1", protocol: "http3" } as unknown as Peer;
  assertThrows(() => targetOf(peer), RangeError, `expected "http1", "http2" or "auto", found http3`);
});
