/**
 * TLS to upstreams.
 *
 * Of Pingora's rows on upstream TLS, these have no counterpart here:
 * - client certificates (mutual TLS): `Deno.startTls` takes none, and what takes them (`Deno.connectTls`) takes no
 *   server name apart from the address;
 * - pre-shared keys: not in rustls as Deno brings it;
 * - no verification of the chain, and none because no name is given: not offered, an empty name is refused;
 * - alternative names to accept: not offered, `serverName` is the one name that counts.
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { Peer, PeerTls } from "../../src/mod.ts";
import { targetOf } from "../../src/upstream/peer.ts";
import { captureLog } from "../support/captured_log.ts";
import { CA, type KeyPair, ONE, OTHER } from "../support/certs.ts";
import { cannedOrigin, rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { tlsOrigin } from "../support/tls_origin.ts";

interface Case {
  name: string;
  cert: KeyPair;
  tls: PeerTls;
  status: 200 | 502;
}

const CASES: Case[] = [
  {
    name: "a server name apart from the address is what the certificate is held against",
    cert: OTHER,
    tls: { serverName: "other.test", caCerts: [CA] },
    status: 200,
  },
  {
    name: "without a server name, the address's host is looked for in the certificate",
    cert: ONE,
    tls: { caCerts: [CA] },
    status: 200,
  },
  {
    name: "without a server name, a certificate not made out to the address's host is refused",
    cert: OTHER,
    tls: { caCerts: [CA] },
    status: 502,
  },
  {
    name: "a certificate for another name is refused",
    cert: OTHER,
    tls: { serverName: "one.one.one.one", caCerts: [CA] },
    status: 502,
  },
  {
    name: "a certificate of an unknown CA is refused",
    cert: ONE,
    tls: { serverName: "one.one.one.one" },
    status: 502,
  },
  {
    name: "verifyName false accepts a certificate for another name",
    cert: OTHER,
    tls: { serverName: "one.one.one.one", caCerts: [CA], verifyName: false },
    status: 200,
  },
  {
    name: "verifyName false does not accept an unknown CA",
    cert: OTHER,
    tls: { serverName: "one.one.one.one", verifyName: false },
    status: 502,
  },
  {
    name: "a wildcard certificate holds for a name with an underscore",
    cert: OTHER,
    tls: { serverName: "d_g.other.test", caCerts: [CA] },
    status: 200,
  },
  {
    name: "a wildcard certificate does not hold for two labels",
    cert: OTHER,
    tls: { serverName: "a.b.other.test", caCerts: [CA] },
    status: 502,
  },
];

for (const { name, cert, tls, status } of CASES) {
  Deno.test(name, async () => {
    await using origin = tlsOrigin(cert);
    await using proxy = testProxy({ upstreamPeer: () => ({ address: origin.address, tls }) });
    const response = await fetch(proxy.url);
    const text = await response.text();
    const entry = await proxy.ended(1);
    assertEquals([response.status, entry.status, entry.flag], [status, status, status === 200 ? "-" : "UF"]);
    if (status === 200) return assertEquals(text, "hello");
    assertEquals(text, `502 Bad Gateway\nrequest id: ${entry.id}\n`);
    assertEquals(proxy.idleConnections, 0);
  });
}

Deno.test("that names are not verified is said in the log, once", async () => {
  using log = captureLog();
  await using origin = tlsOrigin(OTHER);
  const tls = { serverName: "x.test", caCerts: [CA], verifyName: false };
  await using proxy = testProxy({ upstreamPeer: () => ({ address: origin.address, tls }) });
  for (let i = 0; i < 2; i++) assertEquals(await (await fetch(proxy.url)).text(), "hello");
  const said = log.lines.filter((line) => line.includes(origin.address));
  assertEquals(said, [`WARN upstream ${origin.address}: the name in its certificate is not verified`]);
});

Deno.test("only HTTP/1.1 is asked for by ALPN, and a connection over TLS is used again", async () => {
  await using origin = tlsOrigin(ONE);
  const peer: Peer = { address: origin.address, tls: { serverName: "one.one.one.one", caCerts: [CA] } };
  await using proxy = testProxy({ upstreamPeer: () => peer });
  for (let i = 0; i < 3; i++) assertEquals(await (await fetch(proxy.url)).text(), "hello");
  assertEquals(origin.protocols, ["http/1.1"]);
  assertEquals([proxy.counters.connects, proxy.counters.reuses], [1, 2]);
});

Deno.test("the server name goes out in the client hello, and a server that speaks no TLS is a 502", async () => {
  const hello = Promise.withResolvers<string>();
  await using origin = rawOrigin(async (connection) => {
    hello.resolve(await connection.read() ?? "");
    await connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    await connection.closed();
  });
  const tls = { serverName: "other.test", caCerts: [CA] };
  await using proxy = testProxy({ upstreamPeer: () => ({ address: origin.address, tls }) });
  const response = await fetch(proxy.url);
  await response.body?.cancel();
  const entry = await proxy.ended(1);
  assertEquals([response.status, entry.flag], [502, "UF"]);
  const sent = await hello.promise;
  assertEquals(sent.charCodeAt(0), 0x16);
  assertStringIncludes(sent, "other.test");
});

Deno.test("a TLS server spoken plain text to is a 502", async () => {
  await using origin = tlsOrigin(ONE);
  await using proxy = testProxy(origin.address);
  const response = await fetch(proxy.url);
  await response.body?.cancel();
  assertEquals(response.status, 502);
});

// What cannot be tested: that the socket of a handshake given up is closed. Closing it makes the handshake reject, but
// Deno then keeps the socket, out of reach, until the upstream closes it or ends the handshake.

Deno.test("a TLS handshake that never ends is a 504 within the peer's limit", async () => {
  await using origin = rawOrigin((connection) => connection.closed());
  const tls = { serverName: "other.test", caCerts: [CA] };
  const peer: Peer = { address: origin.address, tls, timeouts: { tls: 150 } };
  await using proxy = testProxy({ options: { retries: 0 }, upstreamPeer: () => peer });
  const response = await fetch(proxy.url);
  await response.body?.cancel();
  const entry = await proxy.ended(1);
  assertEquals([response.status, entry.flag, entry.attempts], [504, "UF", 1]);
});

Deno.test("a client that leaves during the TLS handshake ends the request", async () => {
  const asked = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.read();
    asked.resolve();
    await connection.closed();
  });
  const peer: Peer = { address: origin.address, tls: { serverName: "other.test" }, timeouts: { tls: 0 } };
  await using proxy = testProxy({ upstreamPeer: () => peer });
  const leaving = new AbortController();
  const request = fetch(proxy.url, { signal: leaving.signal }).catch(() => {});
  await asked.promise;
  leaving.abort();
  await request;
  const entry = await proxy.ended(1);
  assertEquals([entry.status, entry.flag, entry.attempts], [499, "DC", 1]);
});

const NAMED = { serverName: "other.test", caCerts: [CA] };

/** The second of each pair must never get a connection that was opened for the first. */
const PAIRS: { differ: string; first: Partial<Peer>; second: Partial<Peer>; then: 200 | 502 }[] = [
  {
    differ: "serverName",
    first: { tls: NAMED },
    second: { tls: { ...NAMED, serverName: "x.test" } },
    then: 502,
  },
  { differ: "caCerts", first: { tls: NAMED }, second: { tls: { serverName: "other.test" } }, then: 502 },
  {
    differ: "verifyName",
    first: { tls: { ...NAMED, serverName: "x.test", verifyName: false } },
    second: { tls: { ...NAMED, serverName: "x.test" } },
    then: 502,
  },
  { differ: "group", first: { tls: NAMED, group: "a" }, second: { tls: NAMED, group: "b" }, then: 200 },
  { differ: "tls", first: { tls: NAMED }, second: {}, then: 502 },
];

for (const { differ, first, second, then } of PAIRS) {
  Deno.test(`peers that differ in ${differ} do not share a connection`, async () => {
    await using origin = tlsOrigin(OTHER);
    const peers = [first, second].map((peer) => ({ address: origin.address, ...peer }));
    await using proxy = testProxy({
      options: { retries: 0 },
      upstreamPeer: ({ request }) => peers[Number(request.target.slice(1))]!,
    });
    const statuses: number[] = [];
    for (const path of ["/0", "/1", "/0"]) {
      const response = await fetch(proxy.url + path);
      await response.body?.cancel();
      statuses.push(response.status);
    }
    assertEquals(statuses, [200, then, 200]);
    assertEquals([origin.connections, proxy.counters.reuses], [2, 1]);
  });
}

Deno.test("equal peers share a connection though they are different objects", async () => {
  await using origin = tlsOrigin(OTHER);
  await using proxy = testProxy({ upstreamPeer: () => ({ address: origin.address, tls: { ...NAMED } }) });
  for (let i = 0; i < 2; i++) assertEquals(await (await fetch(proxy.url)).text(), "hello");
  assertEquals([proxy.counters.connects, proxy.counters.reuses], [1, 1]);
});

Deno.test("an empty server name is refused before anything is connected", async () => {
  await using origin = cannedOrigin("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assertThrows(
    () => targetOf({ address: origin.address, tls: { serverName: "" } }),
    RangeError,
    "serverName",
  );
  assertThrows(() => targetOf({ address: "unix:/tmp/x", tls: {} }), RangeError, "serverName");
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address, tls: { serverName: "" } }),
  });
  const response = await fetch(proxy.url);
  await response.body?.cancel();
  assertEquals([response.status, origin.connections], [500, 0]);
  assertEquals(proxy.counters.connects, 0);
});
