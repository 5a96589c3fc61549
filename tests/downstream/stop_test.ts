/**
 * The end of a listener, cut short.
 *
 * What cannot be had: Deno.serve has no way to end a connection once its shutdown began, so a client that does not read
 * its answer, or that does not finish an upload that nobody reads, holds its connection for as long as it likes.
 */
import { assertEquals, assertRejects } from "@std/assert";
import type { Front } from "../../src/downstream/front.ts";
import { serve } from "../../src/downstream/serve.ts";
import { listenTcp } from "../../src/downstream/tcp/listen.ts";
import { HeaderList } from "../../src/http/headers.ts";
import { startProxy } from "../../src/mod.ts";
import { type FrontName, onBothFronts } from "../support/fronts.ts";
import type { Address } from "../../src/upstream/address.ts";
import { rawOrigin } from "../support/origin.ts";
import { rawClient } from "../support/proxy.ts";
import { send, statusOf } from "../support/send.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

const ANYWHERE: Address = { transport: "tcp", hostname: "127.0.0.1", port: 0 };
const answer = () =>
  Promise.resolve({ status: 200, headers: new HeaderList(), body: null, onSent: undefined });
const LISTENERS: Record<FrontName, () => Front> = {
  serve: () => serve(ANYWHERE, answer),
  tcp: () => listenTcp(ANYWHERE, answer, {}),
};

const ENDINGS: [name: string, end: (front: Front) => Promise<unknown>][] = [
  ["shutdown twice", (front) => Promise.all([front.shutdown(), front.shutdown()])],
  ["close twice", (front) => Promise.all([front.close(), front.close()])],
  ["shutdown after close", (front) => front.close().then(() => front.shutdown())],
  ["close after shutdown", (front) => front.shutdown().then(() => front.close())],
  [
    "close beside a shutdown with nothing to wait for",
    (front) => Promise.all([front.shutdown(), front.close()]),
  ],
];

for (const [name, end] of ENDINGS) {
  onBothFronts(`${name} ends the listener without an error`, async (front) => {
    // Many times, as it is about who comes first.
    for (let i = 0; i < 20; i++) {
      const listener = LISTENERS[front]();
      const { hostname, port } = listener.addr as Deno.NetAddr;
      assertEquals(statusOf(await send(`${hostname}:${port}`, REQUEST)), 200);
      await end(listener);
      await assertRejects(() => Deno.connect({ hostname, port }), Deno.errors.ConnectionRefused);
    }
  });
}

/** A proxy before an origin that answers with `text` and says no more, and a client that got all of `text`. */
async function stuck(front: FrontName, text: string) {
  const asked = Promise.withResolvers<void>();
  const given = Promise.withResolvers<void>();
  const origin = rawOrigin(async (connection) => {
    await connection.readHead();
    asked.resolve();
    await connection.write(text);
    await connection.closed();
    given.resolve();
  });
  const running = startProxy({ upstreamPeer: () => ({ address: origin.address }) }, {
    listen: "127.0.0.1:0",
    listener: { front },
  });
  const client = await rawClient(running.address);
  await client.write(REQUEST);
  await asked.promise;
  if (text !== "") await client.readUntil("half");
  return { origin, running, client, upstreamClosed: given.promise };
}

const HALF = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf";

for (const [what, text] of [["waits for its upstream", ""], ["has half of its answer", HALF]]) {
  onBothFronts(
    `stop ends a request that ${what} when the time to drain is over, on both sides`,
    async (front) => {
      const { origin, running, client, upstreamClosed } = await stuck(front, text!);
      await using _ = origin;
      using __ = client;
      assertEquals(await running.stop(1), false);
      await Promise.all([client.closed(), upstreamClosed]);
      assertEquals(statusOf(client.received) === 200, text !== "");
      assertEquals(client.received.split("\r\n\r\n")[1]?.includes("half") ?? false, text !== "");
      assertEquals(running.idleConnections, 0);
    },
  );
}

onBothFronts("stop with nothing under way is over before its time to drain", async (front) => {
  const running = startProxy({ upstreamPeer: () => ({ address: "127.0.0.1:1" }) }, {
    listen: "127.0.0.1:0",
    listener: { front },
  });
  using idle = await rawClient(running.address);
  assertEquals(await running.stop(60_000), true);
  await idle.closed();
});
