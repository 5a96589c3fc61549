import { assertEquals } from "@std/assert";
import { writeProxyHeader } from "../../../src/http/proxy_protocol_writer.ts";
import type { ListenerOptions } from "../../../src/mod.ts";
import { captureLog } from "../../support/captured_log.ts";
import { latin1 } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { send, statusOf, valuesOf } from "../../support/send.ts";
import { within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const TRUSTED: ListenerOptions = { front: "tcp", proxyProtocol: ["127.0.0.0/8"] };
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const CLIENT = { hostname: "192.0.2.7", port: 5555 };
const SERVER = { hostname: "198.51.100.1", port: 443 };

const headers: [name: string, header: string, client: string][] = [
  ["version 1", "PROXY TCP4 192.0.2.7 198.51.100.1 5555 443\r\n", "192.0.2.7"],
  ["version 1 with IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 5555 443\r\n", "2001:db8::7"],
  ["version 1 of an unknown client", "PROXY UNKNOWN\r\n", "127.0.0.1"],
  ["version 2", latin1(writeProxyHeader(2, CLIENT, SERVER)), "192.0.2.7"],
  ["version 2 of the proxy itself", latin1(writeProxyHeader(2, undefined, undefined)), "127.0.0.1"],
];

for (const [name, header, client] of headers) {
  Deno.test(`the client is the one that a PROXY header names: ${name}`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, TRUSTED);
    assertEquals(statusOf(await send(proxy.address, header + LAST)), 200);
    assertEquals((await proxy.ended(1)).clientAddress, client);
    assertEquals(valuesOf(origin.requests[0]!.text, "x-forwarded-for"), [client]);
  });
}

Deno.test("a PROXY header may come in pieces, and holds for all requests of its connection", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, TRUSTED);
  using client = await rawClient(proxy.address);
  const header = latin1(writeProxyHeader(2, CLIENT, SERVER));
  for (const byte of header.slice(0, -1)) await client.write(byte);
  await client.write(header.slice(-1) + GET);
  await client.readUntil("\r\n\r\n");
  await client.write(LAST);
  await client.closed();
  assertEquals(origin.requests.map(({ text }) => valuesOf(text, "x-forwarded-for")), [["192.0.2.7"], [
    "192.0.2.7",
  ]]);
});

const closed: [name: string, text: string][] = [
  ["none", LAST],
  ["a malformed one", `PROXY TCP4 192.0.2.7 1 2 3\r\n${LAST}`],
  ["two of them", `${headers[0]![1]}${headers[0]![1]}${LAST}`],
];

for (const [name, text] of closed) {
  Deno.test(`where a PROXY header is due, ${name} reaches no upstream`, async () => {
    using _log = captureLog();
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, TRUSTED);
    const answer = await send(proxy.address, text);
    assertEquals(statusOf(answer), name === "two of them" ? 400 : 0);
    assertEquals(origin.received, []);
  });
}

Deno.test("where a PROXY header is due, silence ends with the time for a head", async () => {
  await using proxy = testProxy("127.0.0.1:1", { ...TRUSTED, headTimeout: 100 });
  using client = await rawClient(proxy.address);
  await client.write("PROXY TC");
  await within(client.closed(), "the end of the connection");
  assertEquals(client.received, "");
});

Deno.test("a PROXY header of somebody who is not trusted is a malformed request", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", proxyProtocol: ["192.0.2.0/24"] });
  for (const [, header] of headers) assertEquals(statusOf(await send(proxy.address, header + LAST)), 400);
  assertEquals(statusOf(await send(proxy.address, LAST)), 200);
  assertEquals(origin.requests.length, 1);
});

Deno.test("the cap on connections of an address is for the clients that PROXY headers name", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { ...TRUSTED, maxConnectionsPerAddress: 1 });
  const header = (host: string) => `PROXY TCP4 ${host} 198.51.100.1 5555 443\r\n`;
  using first = await rawClient(proxy.address);
  await first.write(header("192.0.2.1") + GET);
  await first.readUntil("\r\n\r\n");
  assertEquals(statusOf(await send(proxy.address, header("192.0.2.1") + LAST)), 0);
  assertEquals(statusOf(await send(proxy.address, header("192.0.2.2") + LAST)), 200);
  first.close();
});
