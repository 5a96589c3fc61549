/** Slow is not dead: who takes or sends little by little is waited for, and costs no more than what may be held. */
import { assert, assertEquals } from "@std/assert";
import { clockAhead } from "../../support/clock_ahead.ts";
import { quiet } from "../../support/flow.ts";
import type { RawConnection } from "../../support/origin.ts";
import { onBothFronts } from "../../support/fronts.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf } from "../../support/send.ts";
import {
  Client,
  closing,
  echoFrames,
  maskedFrame,
  serverFrame,
  webSocketOrigin,
  webSocketText,
} from "../../support/websocket.ts";
import { within } from "../../support/wire.ts";

const MB = 1_000_000;

/** Reads to a text that nothing is behind. */
async function readTo(connection: RawConnection, end: string): Promise<void> {
  let last = "";
  while (!last.endsWith(end)) {
    const text = await connection.read();
    if (text === null) throw new Error(`it ended before ${end}`);
    last = (last + text).slice(-end.length);
  }
}

/** Reads so many bytes. */
async function take(connection: RawConnection, count: number): Promise<void> {
  for (let n = 0; n < count;) {
    const text = await connection.read();
    if (text === null) throw new Error(`it ended after ${n} of ${count} bytes`);
    n += text.length;
  }
}

Deno.test("an upstream is not taken for dead while its client is slow to take what it says", async () => {
  using clock = clockAhead();
  let sent = 0;
  const piece = serverFrame(2, "x".repeat(65_536));
  await using origin = webSocketOrigin(async (connection, next) => {
    for (; sent < 300; sent++) await connection.write(piece);
    await connection.write(serverFrame(1, "all of it"));
    await echoFrames(connection, next);
  });
  await using proxy = testProxy(origin.address);
  using client = await rawClient(proxy.address);
  await client.write(webSocketText());
  assertEquals(statusOf((await client.readHead())!), 101);
  await quiet(() => sent);
  assert(sent < 300, "the client holds the upstream back");
  for (let i = 0; i < 4; i++) {
    clock.pass(25_000);
    await clock.looked();
  }
  await within(readTo(client, "all of it"), "all of it");
  client.close();
  assertEquals((await proxy.ended(1)).flag, "DC");
});

Deno.test("a message that takes an upstream more than a minute arrives", async () => {
  using clock = clockAhead();
  const text = "little by little";
  await using origin = webSocketOrigin(async (connection, next) => {
    for (const byte of serverFrame(1, text).slice(0, 6)) {
      await connection.write(byte);
      clock.pass(25_000);
      await clock.looked();
    }
    await connection.write(serverFrame(1, text).slice(6));
    await echoFrames(connection, next);
  });
  await using proxy = testProxy(origin.address);
  using client = new Client(proxy.address);
  assertEquals(await within(client.next(), "the message"), text);
});

Deno.test("an upstream that takes a long time for what its client sends gets all of it, with the closing behind it", async () => {
  using clock = clockAhead();
  const done = Promise.withResolvers<string>();
  const sent = Promise.withResolvers<void>();
  await using origin = webSocketOrigin(async (connection) => {
    await sent.promise;
    for (let i = 0; i < 4; i++) {
      clock.pass(25_000);
      await clock.looked();
      await take(connection, 2 * MB);
    }
    const whole = connection.received.indexOf("\r\n\r\n") + 4 + 11 * (14 + MB) + 8;
    while (connection.received.length < whole && await connection.read() !== null);
    done.resolve(connection.received.slice(-8));
  });
  await using proxy = testProxy(origin.address);
  using client = new Client(proxy.address);
  await within(client.open, "the WebSocket to open");
  for (let i = 0; i < 11; i++) client.socket.send(new Uint8Array(MB));
  client.socket.close(4001);
  await within(client.closed, "the end");
  sent.resolve();
  const [first] = await within(done.promise, "the end of the upload");
  assertEquals(first, "\x88", "a close frame is the last");
  assertEquals((await proxy.ended(1)).bytesReceived, 11 * MB);
});

onBothFronts("what an upstream says before it closes arrives, however much it is", async (front) => {
  const count = 100;
  await using origin = webSocketOrigin(async (connection) => {
    for (let i = 0; i < count; i++) await connection.write(serverFrame(2, "x".repeat(65_536)));
    await connection.write(serverFrame(8, closing(4002, "that was it")));
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front });
  using client = new Client(proxy.address);
  let got = 0;
  client.socket.onmessage = ({ data }) => got += data.byteLength;
  assertEquals(await within(client.closed, "the end"), { code: 4002, reason: "that was it" });
  assertEquals(got, count * 65_536);
});

for (
  const { name, payload } of [
    { name: "999", payload: closing(999) },
    { name: "1005", payload: closing(1005) },
    { name: "1006", payload: closing(1006) },
    { name: "of one byte", payload: "x" },
    { name: "with a reason that is not UTF-8", payload: closing(1000, "\xff") },
  ]
) {
  Deno.test(`a client's close code ${name} is not passed on: the upstream is left without a word`, async () => {
    const told = Promise.withResolvers<unknown>();
    await using origin = webSocketOrigin(async (_connection, next) => told.resolve(await next()));
    await using proxy = testProxy(origin.address);
    using client = await rawClient(proxy.address);
    await client.write(webSocketText() + maskedFrame(8, payload));
    assertEquals(await within(told.promise, "the upstream to be left"), null);
    client.close();
    assertEquals((await proxy.ended(1)).flag, "DC");
  });
}

onBothFronts("what a client says before it leaves without a word arrives", async (front) => {
  const got = Promise.withResolvers<string>();
  await using origin = webSocketOrigin(async (_connection, next) => {
    let last = "";
    for (let frame; (frame = await next()) !== null;) last = frame.payload;
    got.resolve(last);
  });
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(webSocketText());
  assertEquals(statusOf((await client.readHead())!), 101);
  await client.write(maskedFrame(1, "x".repeat(1_000_000)) + maskedFrame(1, "the last"));
  await client.closeWrite();
  assertEquals(await within(got.promise, "the upstream to be left"), "the last");
  await proxy.ended(1);
});

onBothFronts("a client that vanishes just as it is accepted leaves nothing behind", async (front) => {
  await using origin = webSocketOrigin((connection) => connection.closed());
  await using proxy = testProxy(origin.address, { front });
  const rounds = 40;
  for (let i = 0; i < rounds; i++) {
    const client = await rawClient(proxy.address);
    await client.write(webSocketText() + (i % 2 ? maskedFrame(1, "x") : ""));
    if (i % 4 > 1) await new Promise((resolve) => setTimeout(resolve, i / 20));
    client.close();
  }
  await within(proxy.ended(rounds), "all to end", 2_000);
  assertEquals(proxy.counters.active, 0);
});
