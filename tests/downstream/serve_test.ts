/**
 * The listener while all goes well; what happens when its end is cut short is in stop_test.ts.
 *
 * A front on a Unix socket needs files, and running out of file descriptors needs a process of its own:
 * both are for tests/e2e.
 */
import { assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import type { Front, FrontRequest, FrontResponse } from "../../src/downstream/front.ts";
import { serve } from "../../src/downstream/serve.ts";
import { HeaderList } from "../../src/http/headers.ts";
import { captureLog } from "../support/captured_log.ts";
import { rawClient } from "../support/proxy.ts";
import { send, statusOf } from "../support/send.ts";

const ANY_PORT = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

function answer(text: string): FrontResponse {
  return { status: 200, headers: new HeaderList(), body: new TextEncoder().encode(text), onSent: undefined };
}

function addressOf(front: Front): string {
  const { hostname, port } = front.addr as Deno.NetAddr;
  return `${hostname}:${port}`;
}

/** A front whose answer comes when the test says so. */
function heldFront() {
  const came = Promise.withResolvers<FrontRequest>();
  const answered = Promise.withResolvers<FrontResponse>();
  const front = serve(ANY_PORT, (request) => {
    came.resolve(request);
    return answered.promise;
  });
  return { front, came: came.promise, answer: answered.resolve };
}

Deno.test("listening on port 0 tells the real port, and answers on it", async () => {
  const front = serve(ANY_PORT, (request) => Promise.resolve(answer(`hello ${request.clientAddress}`)));
  assertGreater((front.addr as Deno.NetAddr).port, 0);
  assertEquals((await send(addressOf(front), REQUEST)).split("\r\n\r\n")[1], "hello 127.0.0.1");
  await front.shutdown();
});

Deno.test("a taken port is an error at once", async () => {
  const front = serve(ANY_PORT, () => Promise.resolve(answer("")));
  const { port } = front.addr as Deno.NetAddr;
  assertThrows(() => serve({ ...ANY_PORT, port }, () => Promise.resolve(answer(""))), Deno.errors.AddrInUse);
  await front.shutdown();
});

Deno.test("shutdown stops accepting, and waits for a request under way", async () => {
  const { front, came, answer: give } = heldFront();
  using idle = await rawClient(addressOf(front));
  const response = send(addressOf(front), REQUEST);
  await came;
  let over = false;
  const shutdown = front.shutdown().then(() => over = true);
  // An unused connection is closed at once, which shows that the shutdown is under way.
  await idle.closed();
  await assertRejects(() => rawClient(addressOf(front)), Deno.errors.ConnectionRefused);
  assertEquals(over, false);
  give(answer("late"));
  assertEquals((await response).split("\r\n\r\n")[1], "late");
  await shutdown;
});

Deno.test("shutdown waits for a body that is still on its way", async () => {
  const piece = Promise.withResolvers<Uint8Array | null>();
  const { front, answer: give } = heldFront();
  let reads = 0;
  const body = {
    read: () =>
      Promise.resolve(++reads === 1 ? new Uint8Array([104, 105]) : reads === 2 ? piece.promise : null),
    cancel() {},
  };
  give({ status: 200, headers: new HeaderList([["content-length", "4"]]), body, onSent: undefined });
  using client = await rawClient(addressOf(front));
  await client.write(REQUEST);
  await client.readUntil("hi");
  using idle = await rawClient(addressOf(front));
  const shutdown = front.shutdown();
  await idle.closed();
  piece.resolve(new Uint8Array([33, 33]));
  await shutdown;
  await client.closed();
  assertEquals(client.received.split("\r\n\r\n")[1], "hi!!");
});

Deno.test("close ends unused connections and requests under way, and the request learns of it", async () => {
  const { front, came, answer: give } = heldFront();
  using idle = await rawClient(addressOf(front));
  using client = await rawClient(addressOf(front));
  await client.write(REQUEST);
  const gone = Promise.withResolvers<void>();
  (await came).onGone(() => gone.resolve());
  const closed = front.close();
  await Promise.all([idle.closed(), client.closed(), gone.promise]);
  give(answer("too late"));
  await closed;
  assertEquals(client.received, "");
  await assertRejects(() => rawClient(addressOf(front)), Deno.errors.ConnectionRefused);
});

Deno.test("close ends a body that is still on its way, and cancels its source", async () => {
  const { front, answer: give } = heldFront();
  const cancelled = Promise.withResolvers<void>();
  const stuck = Promise.withResolvers<null>();
  let reads = 0;
  const body = {
    read: () => ++reads === 1 ? Promise.resolve(new Uint8Array([104, 105])) : stuck.promise,
    cancel: () => cancelled.resolve(),
  };
  give({ status: 200, headers: new HeaderList([["content-length", "4"]]), body, onSent: undefined });
  using client = await rawClient(addressOf(front));
  await client.write(REQUEST);
  await client.readUntil("hi");
  const closed = front.close();
  await client.closed();
  await cancelled.promise;
  stuck.resolve(null);
  await closed;
  assertEquals(client.received.split("\r\n\r\n")[1], "hi");
});

for (const kind of ["bytes", "a stream"]) {
  Deno.test(`an answer of ${kind} that cannot be sent is a 500, and whoever made it learns of that`, async () => {
    using log = captureLog();
    let cancels = 0;
    let sent = 0;
    const headers = new HeaderList();
    headers.lines.push("no token", "x");
    const front = serve(ANY_PORT, () =>
      Promise.resolve({
        status: 200,
        headers,
        body: kind === "bytes"
          ? new Uint8Array([104, 105])
          : { read: () => Promise.resolve(null), cancel: () => void cancels++ },
        onSent: () => void sent++,
      }));
    assertEquals(statusOf(await send(addressOf(front), REQUEST)), 500);
    await front.shutdown();
    assertEquals([cancels, sent], [kind === "bytes" ? 0 : 1, 1]);
    await log.line("ERROR cannot send the answer to GET a/:");
  });
}
