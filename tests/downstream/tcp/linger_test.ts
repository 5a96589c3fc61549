/** Connections that end while their client still sends: it gets to read its answer, but not to hold the connection. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { clockAhead } from "../../support/clock_ahead.ts";
import { push } from "../../support/flow.ts";
import type { RawConnection } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf, valuesOf } from "../../support/send.ts";
import { until } from "../../support/until.ts";
import { within } from "../../support/wire.ts";

const SIZE = 100_000_000;
const UPLOAD = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SIZE}\r\n\r\n`;
const refusing = { requestFilter: () => new Response("no", { status: 403 }) };

/** Sends until the other side does not take it any more. */
async function sendsInVain(client: RawConnection): Promise<void> {
  let closed = false;
  await until("the connection is closed", () => {
    client.write("x").catch(() => closed = true);
    return closed;
  });
}

Deno.test("a refused upload is read and thrown away up to maxDiscard, and its client has the answer", async () => {
  await using proxy = testProxy(refusing, { front: "tcp", maxDiscard: 5_000_000 });
  using client = await rawClient(proxy.address);
  await client.write(UPLOAD);
  const upload = push(client, SIZE);
  const head = await within(client.readHead(), "the answer") ?? "";
  assertEquals([statusOf(head), valuesOf(head, "connection")], [403, ["close"]]);
  assertEquals(await within(upload.done, "the end of the upload"), false);
  assert(upload.pushed >= 5_000_000, `it was cut off after ${upload.pushed} bytes`);
});

Deno.test("with maxDiscard 0, nothing of a refused upload is thrown away", async () => {
  await using proxy = testProxy(refusing, { front: "tcp", maxDiscard: 0 });
  using client = await rawClient(proxy.address);
  await client.write(UPLOAD);
  assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 403);
  await within(client.closed(), "the end");
  await assertRejects(async () => {
    for (;;) await client.write("x".repeat(100_000));
  });
});

for (
  const [what, text] of [["a refused upload", UPLOAD], ["a malformed head", "GET / HTTP/9\r\n\r\n"]] as const
) {
  Deno.test(`behind ${what}, a client that says and closes nothing is waited for 5 s, and one that goes on talking half a minute`, async () => {
    using clock = clockAhead();
    await using proxy = testProxy(refusing, { front: "tcp", headTimeout: 300, idleTimeout: 300, minRate: 0 });
    using client = await rawClient(proxy.address);
    await client.write(text);
    await within(client.closed(), "the answer");
    assertEquals(Math.floor(statusOf(client.received) / 100), 4);
    for (let waited = 0; waited < 28_000; waited += 4_000) {
      clock.pass(4_000);
      await clock.looked();
      await client.write("still here");
      await clock.looked();
    }
    clock.pass(2_500);
    await clock.looked();
    await sendsInVain(client);
    assertEquals(proxy.entries.length, 1);
  });
}

Deno.test("behind a malformed head, a client that stays silent is waited for 5 s", async () => {
  using clock = clockAhead();
  await using proxy = testProxy(refusing, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write("GET / HTTP/9\r\n\r\n");
  await within(client.closed(), "the answer");
  clock.pass(5_500);
  await clock.looked();
  await sendsInVain(client);
});

Deno.test("a client that closes ends it at once", async () => {
  await using proxy = testProxy(refusing, { front: "tcp", maxConnections: 1 });
  using client = await rawClient(proxy.address);
  await client.write(UPLOAD);
  await within(client.closed(), "the answer");
  client.close();
  // There is room for one: this one is served when the other is gone.
  using next = await rawClient(proxy.address);
  await next.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(statusOf(await within(next.readHead(), "the next answer") ?? ""), 403);
});
