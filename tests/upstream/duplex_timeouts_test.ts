/**
 * Time-outs while a request's body and its response are on their way at the same time.
 */
import { assertEquals } from "@std/assert";
import type { Peer, PeerTimeouts } from "../../src/mod.ts";
import { rawOrigin } from "../support/origin.ts";
import { rawClient, type TestProxy, testProxy } from "../support/proxy.ts";
import { within } from "../support/wire.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

function proxyTo(address: string, timeouts: Partial<PeerTimeouts>): TestProxy {
  const peer: Peer = { address, timeouts };
  return testProxy({ upstreamPeer: () => peer });
}

Deno.test("an interim response in the middle of the upload does not switch the wait for the answer off", async () => {
  const [asked, passed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 100 Continue\r\n\r\n");
    asked.resolve();
    await connection.readUntil("more");
    passed.resolve();
    await connection.closed();
  });
  await using proxy = proxyTo(origin.address, { firstByte: 150 });
  using client = await rawClient(proxy.address);
  await client.write(HEAD + "4\r\nsome\r\n");
  await asked.promise;
  await client.write("4\r\nmore\r\n");
  await passed.promise;
  await client.write("0\r\n\r\n");
  const { status, flag } = await within(proxy.ended(1), "the first byte time-out");
  assertEquals([status, flag], [504, "UT"]);
});

Deno.test("an upload beside the response does not switch the limit on the response's silence off", async () => {
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome");
    await connection.closed();
  });
  await using proxy = proxyTo(origin.address, { readIdle: 300 });
  using client = await rawClient(proxy.address);
  await client.write(HEAD + "4\r\nsome\r\n");
  await client.readUntil("\r\n\r\nsome");
  await client.write("4\r\nmore\r\n0\r\n\r\n");
  const { status, flag } = await within(proxy.ended(1), "the read time-out");
  assertEquals([status, flag], [200, "UT"]);
});
