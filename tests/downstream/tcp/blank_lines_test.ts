/** Empty lines ahead of a request are skipped, RFC 9112 section 2.2, and keep no connection open. */
import { assertEquals } from "@std/assert";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { serveBytes } from "../../support/fake_client.ts";
import { statuses } from "../../support/send.ts";
import { within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

Deno.test("tcp: empty lines ahead of requests are skipped, wherever the bytes are split", async () => {
  const text = `\r\n${GET}\r\n\r\n\r\n${GET}\r\n${LAST}`;
  for (let cut = 0; cut <= text.length; cut++) {
    const { handled } = await serveBytes(text, [cut], "none");
    assertEquals(handled.map(({ error }) => error), ["", "", ""], `split at ${cut}`);
  }
  const all = Array.from({ length: text.length }, (_, i) => i);
  assertEquals((await serveBytes(text, all, "none")).handled.length, 3);
});

Deno.test("tcp: an empty line between the end of a body and what is behind it does not count as either", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n";
  assertEquals(await statuses(proxy.address, `${post}\r\n\r\n${LAST}`), [200, 200]);
  assertEquals(origin.requests.map(({ body }) => body), ["\r\n", ""]);
});

Deno.test("tcp: a bare LF behind an empty line that came in two pieces is refused at once", async () => {
  await using proxy = testProxy("127.0.0.1:1", { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write("\r");
  await new Promise((resolve) => setTimeout(resolve, 20));
  await client.write("\n\n");
  await within(client.closed(), "the answer");
  assertEquals(client.received.slice(0, 12), "HTTP/1.1 400");
});

Deno.test("tcp: a connection that only ever sends empty lines is closed", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", idleTimeout: 300, headTimeout: 200 });
  // In pieces, a carriage return begins a head for a while, and then does not.
  for (const pieces of [["\r\n"], ["\r", "\n"], ["\r\n\r", "\n"], ["\r", "\n\r\n"]]) {
    using client = await rawClient(proxy.address);
    for (const piece of pieces) {
      await client.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await within(client.closed(), `the proxy to close behind ${JSON.stringify(pieces)}`, 5_000);
    assertEquals(client.received, "");
  }
  assertEquals(origin.connections, 0);
});
