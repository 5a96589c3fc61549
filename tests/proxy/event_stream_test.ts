import { assertEquals } from "@std/assert";
import { clockAhead } from "../support/clock_ahead.ts";
import { onBothFronts } from "../support/fronts.ts";
import { rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { requestText, within } from "../support/wire.ts";

const HOUR = 3_600_000;
const GET = requestText("GET", "/events").replace("Connection: close\r\n", "");

/** An origin whose stream of events is in the test's hands. */
function events(type: string) {
  const begun = Promise.withResolvers<{ tell(text: string): Promise<void> }>();
  const left = Promise.withResolvers<void>();
  const origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    begun.resolve({ tell: (text) => connection.write(`${text.length.toString(16)}\r\n${text}\r\n`) });
    await connection.closed();
    left.resolve();
  });
  return Object.assign(origin, { begun: begun.promise, left: left.promise });
}

onBothFronts("an event reaches the client before the next one happens", async (front) => {
  await using origin = events("text/event-stream");
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  const stream = await within(origin.begun, "the request");
  for (const event of ["data: 1\n\n", "data: 2\n\n", ":\n\n"]) {
    await stream.tell(event);
    await within(client.readUntil(event), `the client to see ${JSON.stringify(event)}`);
  }
});

onBothFronts("a stream of events that is silent for hours goes on", async (front) => {
  using clock = clockAhead();
  await using origin = events("Text/Event-Stream; charset=utf-8");
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address, timeouts: { readIdle: 1_000 } }),
    options: { totalTimeout: 2_000, clientWriteTimeout: 2_000, clientBodyTimeout: 2_000 },
  }, { front });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  const stream = await within(origin.begun, "the request");
  for (const event of ["data: one\n\n", "data: two\n\n"]) {
    await stream.tell(event);
    await within(client.readUntil(event), "the event");
    clock.pass(5 * HOUR);
    await clock.looked();
  }
  assertEquals(proxy.entries, []);
});

onBothFronts("any other body may not be silent for that long", async (front) => {
  using clock = clockAhead();
  await using origin = events("text/plain");
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await within(origin.begun, "the request");
  await client.readHead();
  clock.pass(HOUR);
  assertEquals((await within(proxy.ended(1), "the end")).flag, "UT");
});

onBothFronts("a client that leaves a silent stream has the upstream told within a second", async (front) => {
  await using origin = events("text/event-stream");
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await within(origin.begun, "the request");
  await client.readHead();
  client.close();
  await within(origin.left, "the upstream to be left", 1_000);
  assertEquals((await proxy.ended(1)).status, 499);
});

onBothFronts(
  "a long poll is answered after most of the time that an upstream has for its head",
  async (front) => {
    using clock = clockAhead();
    const asked = Promise.withResolvers<void>();
    const due = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      asked.resolve();
      await due.promise;
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews");
      await connection.closed();
    });
    await using proxy = testProxy(origin.address, { front });
    using client = await rawClient(proxy.address);
    await client.write(GET);
    await within(asked.promise, "the request");
    clock.pass(55_000);
    await clock.looked();
    due.resolve();
    await within(client.readUntil("news"), "the answer");
  },
);
