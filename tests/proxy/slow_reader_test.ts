import { assertEquals } from "@std/assert";
import { push } from "../support/flow.ts";
import { rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { within } from "../support/wire.ts";

const SIZE = 100_000_000;

Deno.test("a client that takes nothing for clientWriteTimeout is given up, and the upstream's connection closed", async () => {
  const outcome = Promise.withResolvers<boolean>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
    outcome.resolve(await push(connection, SIZE).done);
  });
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    options: { clientWriteTimeout: 200 },
  });
  using client = await rawClient(proxy.address);
  await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.readHead();
  assertEquals(await within(outcome.promise, "the origin's connection to close"), false);
  const entry = await within(proxy.ended(1), "the end of the request");
  assertEquals([entry.status, entry.flag, proxy.counters.active], [200, "SI", 0]);
});

Deno.test("a client that waits longer than clientWriteTimeout for a slow upstream is not given up", async () => {
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    // The silence itself is what is tested.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await connection.write("1\r\nb\r\n0\r\n\r\n");
  });
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    options: { clientWriteTimeout: 100 },
  });
  assertEquals(await (await fetch(proxy.url)).text(), "ab");
  assertEquals((await proxy.ended(1)).flag, "-");
});
