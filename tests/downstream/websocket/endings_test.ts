import { assert, assertEquals, assertLess } from "@std/assert";
import { startProxy } from "../../../src/mod.ts";
import { clockAhead } from "../../support/clock_ahead.ts";
import { onBothFronts } from "../../support/fronts.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { rawOrigin } from "../../support/origin.ts";
import { quiet } from "../../support/flow.ts";
import {
  acceptText,
  Client,
  closing,
  echoFrames,
  framesOf,
  maskedFrame,
  serverFrame,
  type Talk,
  webSocketOrigin,
  webSocketText,
} from "../../support/websocket.ts";
import { statusOf } from "../../support/send.ts";
import { within } from "../../support/wire.ts";

/** A client that has its 101. */
async function accepted(address: string) {
  const client = await rawClient(address);
  await client.write(webSocketText());
  assertEquals(statusOf((await within(client.readHead(), "the answer"))!), 101);
  return client;
}

/** An upstream that says nothing until the client is gone. */
const silent: Talk = (connection) => connection.closed();

onBothFronts("a client that vanishes has its upstream left at once", async (front) => {
  const left = Promise.withResolvers<void>();
  await using origin = webSocketOrigin(async (connection) => {
    await connection.closed();
    left.resolve();
  });
  await using proxy = testProxy(origin.address, { front });
  const client = await accepted(proxy.address);
  client.close();
  await within(left.promise, "the upstream to be left", 1_000);
  assertEquals((await proxy.ended(1)).status, 101);
  assertEquals(proxy.counters.active, 0);
});

onBothFronts(
  "a client that vanishes while its upstream makes up its mind leaves nothing behind",
  async (front) => {
    const asked = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      asked.resolve();
      await connection.closed();
      left.resolve();
    });
    await using proxy = testProxy(origin.address, { front });
    const client = await rawClient(proxy.address);
    await client.write(webSocketText());
    await within(asked.promise, "the request");
    client.close();
    await within(left.promise, "the upstream to be left", 1_000);
    assertEquals((await proxy.ended(1)).status, 499);
  },
);

Deno.test("an upstream that vanishes closes the client with 1011 on Deno.serve", async () => {
  await using origin = webSocketOrigin(async (_connection, next) => void await next());
  await using proxy = testProxy(origin.address);
  using client = new Client(proxy.address);
  await within(client.open, "the WebSocket to open");
  client.socket.send("go");
  assertEquals(await within(client.closed, "the end"), { code: 1011, reason: "the upstream is gone" });
  assertEquals((await proxy.ended(1)).flag, "UC");
});

for (
  const { name, bytes, code } of [
    { name: "a masked frame", bytes: maskedFrame(1, "x"), code: 1002 },
    { name: "a reserved bit", bytes: "\xc1\x00", code: 1002 },
    { name: "an unknown opcode", bytes: serverFrame(3, ""), code: 1002 },
    { name: "an unknown control opcode", bytes: serverFrame(11, ""), code: 1002 },
    { name: "a continuation of nothing", bytes: serverFrame(0, "x"), code: 1002 },
    { name: "a message within another", bytes: serverFrame(1, "x", false) + serverFrame(1, "y"), code: 1002 },
    { name: "a ping in fragments", bytes: serverFrame(9, "x", false), code: 1002 },
    { name: "a ping that is too large", bytes: serverFrame(9, "x".repeat(126)), code: 1002 },
    { name: "a close code that does not exist", bytes: serverFrame(8, closing(999)), code: 1002 },
    { name: "a close code that must not be sent", bytes: serverFrame(8, closing(1006)), code: 1002 },
    { name: "half a close code", bytes: serverFrame(8, "x"), code: 1002 },
    { name: "a text that is not UTF-8", bytes: serverFrame(1, "\xff"), code: 1007 },
    { name: "a reason that is not UTF-8", bytes: serverFrame(8, closing(1000, "\xff")), code: 1007 },
    { name: "a message that is too large", bytes: "\x82\x7f\0\0\0\0\xff\xff\xff\xff", code: 1009 },
    {
      name: "a message of many fragments that is too large",
      bytes: serverFrame(2, "x".repeat(1000), false) + serverFrame(0, "x".repeat(1000)),
      code: 1009,
    },
  ]
) {
  Deno.test(`an upstream that sends ${name} is told ${code}, and the client 1011`, async () => {
    const told = Promise.withResolvers<string>();
    await using origin = webSocketOrigin(async (connection, next) => {
      await connection.write(bytes);
      told.resolve((await next())?.payload.slice(0, 2) ?? "");
      await connection.closed();
    });
    await using proxy = testProxy(origin.address, { maxMessage: 1024 });
    using client = new Client(proxy.address);
    assertEquals((await within(client.closed, "the end")).code, 1011);
    assertEquals(await within(told.promise, "the upstream to be told"), closing(code));
    assertEquals((await proxy.ended(1)).flag, "UPE");
  });
}

Deno.test("a client that takes nothing holds the upstream back, and memory stays where it is", async () => {
  let sent = 0;
  const piece = serverFrame(2, "x".repeat(65_536));
  await using origin = webSocketOrigin(async (connection) => {
    for (; sent < 2_000; sent++) await connection.write(piece);
  });
  await using proxy = testProxy(origin.address);
  const client = await accepted(proxy.address);
  await quiet(() => sent, 300);
  assertLess(sent * 65_536, 40_000_000);
  client.close();
  await proxy.ended(1);
});

Deno.test("an upstream that takes nothing costs no more than what may be held, then the client is closed with 1013", async () => {
  const over = Promise.withResolvers<void>();
  await using origin = webSocketOrigin(() => over.promise);
  await using proxy = testProxy(origin.address, { maxMessage: 1_000_000 });
  using client = new Client(proxy.address);
  await within(client.open, "the WebSocket to open");
  let isOver = false;
  const closed = client.closed.then((how) => {
    isOver = true;
    return how;
  });
  const bytes = new Uint8Array(100_000);
  while (!isOver) {
    if (client.socket.readyState === WebSocket.OPEN) client.socket.send(bytes);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals((await closed).code, 1013);
  over.resolve();
  assertEquals((await proxy.ended(1)).flag, "UT");
});

Deno.test("a WebSocket on which nothing is said is closed with 1001 after tunnelTimeout", async () => {
  using clock = clockAhead();
  await using origin = webSocketOrigin(echoFrames);
  await using proxy = testProxy(origin.address, { tunnelTimeout: 20_000 });
  using client = new Client(proxy.address);
  await within(client.open, "the WebSocket to open");
  clock.pass(15_000);
  await clock.looked();
  client.socket.send("still here");
  assertEquals(await within(client.next(), "the echo"), "still here");
  clock.pass(15_000);
  await clock.looked();
  client.socket.send("and here");
  assertEquals(await within(client.next(), "the echo"), "and here");
  clock.pass(21_000);
  assertEquals((await within(client.closed, "the end")).code, 1001);
  await proxy.ended(1);
});

Deno.test("an upstream that is silent is asked, and is gone when it does not answer", async () => {
  using clock = clockAhead();
  const asked = Promise.withResolvers<number>();
  await using origin = webSocketOrigin(async (connection, next) => {
    asked.resolve((await next())!.opcode);
    await connection.closed();
  });
  await using proxy = testProxy(origin.address);
  using client = new Client(proxy.address);
  await within(client.open, "the WebSocket to open");
  clock.pass(31_000);
  assertEquals(await within(asked.promise, "the ping"), 9);
  clock.pass(31_000);
  assertEquals((await within(client.closed, "the end")).code, 1011);
  assertEquals((await proxy.ended(1)).flag, "UT");
});

Deno.test("a drain closes both sides with 1001 and waits for their answers", async () => {
  const told = Promise.withResolvers<string>();
  await using origin = webSocketOrigin(async (connection, next) => {
    const frame = await next();
    told.resolve(frame!.payload.slice(0, 2));
    await connection.write(serverFrame(8, frame!.payload));
  });
  const running = startProxy({ upstreamPeer: () => ({ address: origin.address }) }, {
    listen: "127.0.0.1:0",
  });
  using client = new Client(running.address);
  await within(client.open, "the WebSocket to open");
  const stopped = running.stop(5_000);
  assertEquals((await within(client.closed, "the client to be told")).code, 1001);
  assertEquals(await within(told.promise, "the upstream to be told"), closing(1001));
  assertEquals(await within(stopped, "the proxy to stop"), true);
});

Deno.test("a WebSocket that is accepted during a drain is closed with 1001, and does not hold it up", async () => {
  using clock = clockAhead();
  const asked = Promise.withResolvers<void>();
  const stopping = Promise.withResolvers<void>();
  const told = Promise.withResolvers<string>();
  await using origin = rawOrigin(async (connection) => {
    const head = await connection.readHead() ?? "";
    asked.resolve();
    await stopping.promise;
    await connection.write(acceptText(head));
    told.resolve((await framesOf(connection)())!.payload.slice(0, 2));
    // It says nothing to that.
    await connection.closed();
  });
  const running = startProxy({ upstreamPeer: () => ({ address: origin.address }) }, {
    listen: "127.0.0.1:0",
  });
  using client = await rawClient(running.address);
  await client.write(webSocketText());
  await within(asked.promise, "the request");
  const stopped = running.stop(60_000);
  stopping.resolve();
  assertEquals(statusOf((await within(client.readHead(), "the answer"))!), 101);
  const frame = await within(framesOf(client)(), "the client to be told");
  assertEquals(frame?.payload.slice(0, 2), closing(1001));
  assertEquals(await within(told.promise, "the upstream to be told"), closing(1001));
  client.close();
  clock.pass(6_000);
  assertEquals(await within(stopped, "the proxy to stop"), true);
});

Deno.test("clients that vanished just as they were accepted do not hold up a drain", async () => {
  await using origin = webSocketOrigin(echoFrames);
  const running = startProxy({ upstreamPeer: () => ({ address: origin.address }) }, {
    listen: "127.0.0.1:0",
  });
  // For one or the other, the runtime has begun to accept and cannot end it.
  for (let i = 0; i < 150; i++) {
    const client = await rawClient(running.address);
    await client.write(webSocketText());
    if (i % 3 > 0) await new Promise((resolve) => setTimeout(resolve, i % 3 - 1));
    client.close();
  }
  assertEquals(await within(running.stop(5_000), "the proxy to stop", 3_000), true);
});

Deno.test("a stop that does not wait is not held up by clients that say nothing", async () => {
  await using origin = webSocketOrigin(silent);
  const running = startProxy({ upstreamPeer: () => ({ address: origin.address }) }, {
    listen: "127.0.0.1:0",
  });
  using client = await accepted(running.address);
  await within(running.stop(0), "the proxy to stop", 3_000);
  const frame = await within(framesOf(client)(), "to be told");
  assert(frame === null || frame.opcode === 8);
});

for (const drain of [0, 200]) {
  Deno.test(`stop(${drain}) is not held up by a client that takes nothing of what its upstream says`, async () => {
    let sent = 0;
    const piece = serverFrame(2, "x".repeat(65_536));
    await using origin = webSocketOrigin(async (connection) => {
      for (;; sent++) await connection.write(piece);
    });
    const running = startProxy({ upstreamPeer: () => ({ address: origin.address }) }, {
      listen: "127.0.0.1:0",
    });
    using _client = await accepted(running.address);
    await quiet(() => sent);
    assertEquals(await within(running.stop(drain), "the proxy to stop", 3_000), false);
    assertEquals(running.counters.active, 0);
  });
}
