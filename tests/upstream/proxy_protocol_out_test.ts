import { assert, assertEquals } from "@std/assert";
import { readProxyHeader } from "../../src/http/proxy_protocol.ts";
import { tcpCheck } from "../../src/mod.ts";
import { rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send, statusOf } from "../support/send.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/** An origin that takes a PROXY header off every connection, then answers requests. */
function proxiedOrigin() {
  const sources: (string | undefined)[] = [];
  const firstBytes: string[] = [];
  const origin = rawOrigin(async (connection) => {
    while (true) {
      const bytes = Uint8Array.from(connection.received, (c) => c.charCodeAt(0));
      const header = readProxyHeader(bytes, 0, bytes.length);
      if (header !== undefined && bytes.length > header.end) {
        sources.push(header.source && `${header.source.hostname}:${header.source.port}`);
        firstBytes.push(connection.received.slice(header.end, header.end + 3));
        break;
      }
      if (await connection.read() === null) return;
    }
    await connection.readUntil("\r\n\r\n");
    await connection.write(ANSWER);
    await connection.closed();
  });
  return Object.assign(origin, { sources, firstBytes });
}

for (const front of ["serve", "tcp"] as const) {
  for (const proxyProtocol of [1, 2] as const) {
    Deno.test(`an upstream is told of the client by PROXY version ${proxyProtocol}, on the front ${front}`, async () => {
      await using origin = proxiedOrigin();
      const peer = { address: origin.address, proxyProtocol };
      await using proxy = testProxy({ upstreamPeer: () => peer }, { front });
      using client = await rawClient(proxy.address);
      const { port } = client.localAddr as Deno.NetAddr;
      for (let i = 0; i < 2; i++) {
        await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await client.readHead();
      }
      const source = `127.0.0.1:${port}`;
      assertEquals(origin.sources, [source, source]);
      assertEquals(origin.firstBytes, ["GET", "GET"]);
      assertEquals(proxy.idleConnections, 0, "a connection that is one client's is kept for no other");
    });
  }
}

Deno.test("what a PROXY header says of the client goes on to the upstream's PROXY header", async () => {
  await using origin = proxiedOrigin();
  const peer = { address: origin.address, proxyProtocol: 2 as const };
  await using proxy = testProxy({ upstreamPeer: () => peer }, { front: "tcp", proxyProtocol: ["127.0.0.1"] });
  const answer = await send(proxy.address, `PROXY TCP6 2001:db8::7 2001:db8::1 5555 443\r\n${GET}`);
  assertEquals(statusOf(answer), 200);
  assertEquals(origin.sources, ["2001:db8::7:5555"]);
});

Deno.test("a PROXY header comes before TLS", async () => {
  const first = Promise.withResolvers<string>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readUntil("\r\n");
    while (connection.received.endsWith("\r\n")) await connection.read();
    first.resolve(connection.received);
  });
  const peer = { address: origin.address, proxyProtocol: 1 as const, tls: { serverName: "one.test" } };
  await using proxy = testProxy({ upstreamPeer: () => peer });
  assertEquals(statusOf(await send(proxy.address, GET)), 502);
  const text = await first.promise;
  const [line, rest] = text.split("\r\n");
  assert(line!.startsWith("PROXY TCP4 127.0.0.1 127.0.0.1 "), line);
  assertEquals(rest!.charCodeAt(0), 22, "a TLS handshake");
});

Deno.test("a check by TCP says nothing of a client", async () => {
  const got = Promise.withResolvers<string>();
  await using origin = rawOrigin(async (connection) => {
    await connection.closed();
    got.resolve(connection.received);
  });
  await tcpCheck()({ address: origin.address, proxyProtocol: 1 }, AbortSignal.timeout(5_000));
  assertEquals(await got.promise, "");
});
