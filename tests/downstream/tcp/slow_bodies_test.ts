/** Uploads whose client takes its time: silence and a trickle end them, a steady pace does not. */
import { assert, assertEquals } from "@std/assert";
import { clockAhead } from "../../support/clock_ahead.ts";
import { push, quiet } from "../../support/flow.ts";
import { rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf, valuesOf } from "../../support/send.ts";
import { within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const LENGTH = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n";
/** More than the 5 s of grace that a rate has, in milliseconds. */
const BEYOND_GRACE = 6_000;

const HALVES: [name: string, text: string][] = [
  ["with a length, of which nothing comes", LENGTH],
  ["with a length, of which some comes", LENGTH + "some"],
  ["that is short, of which some comes", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsome"],
  ["in chunks, of which nothing comes", CHUNKED],
  ["in chunks, with half a size", CHUNKED + "1"],
  ["in chunks, with a size line without LF", CHUNKED + "5\r"],
  ["in chunks, with half an extension", CHUNKED + '5;a="b'],
  ["in chunks, with half a chunk", CHUNKED + "5\r\nhel"],
  ["in chunks, with a chunk without its CRLF", CHUNKED + "5\r\nhello"],
  ["in chunks, with a chunk without its LF", CHUNKED + "5\r\nhello\r"],
  ["in chunks, with a last chunk without the end", CHUNKED + "5\r\nhello\r\n0\r\n"],
  ["in chunks, with half a trailer", CHUNKED + "0\r\nX-Sum: 1"],
];

for (const [name, text] of HALVES) {
  Deno.test(`after clientBodyTimeout of silence, an upload ${name} is answered with 408, and the connection closed`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy({
      options: { clientBodyTimeout: 100 },
      upstreamPeer: () => ({ address: origin.address }),
    }, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(text);
    await within(client.closed(), "the end of the connection");
    assertEquals([statusOf(client.received), valuesOf(client.received, "connection")], [408, ["close"]]);
    const { status, flag } = await proxy.ended(1);
    assertEquals([status, flag, origin.requests.length, proxy.idleConnections], [408, "SI", 0, 0]);
  });
}

for (
  const [framing, head, piece] of [["a length", LENGTH, "x"], ["chunks", CHUNKED, "1\r\nx\r\n"]] as const
) {
  Deno.test(`an upload with ${framing} that trickles below minRate is answered with 408`, async () => {
    using clock = clockAhead();
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp", minRate: 1_000 });
    using client = await rawClient(proxy.address);
    // What is there at once is not enough for the time after it.
    await client.write(head + piece.repeat(1_000));
    await clock.looked();
    clock.pass(BEYOND_GRACE);
    await within(client.closed(), "the end of the connection");
    assertEquals(statusOf(client.received), 408);
    const { status, flag } = await proxy.ended(1);
    assertEquals([status, flag], [408, "SI"]);
  });

  Deno.test(`an upload with ${framing} that rests is not given up while it is above minRate on average`, async () => {
    using clock = clockAhead();
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp", minRate: 100 });
    using client = await rawClient(proxy.address);
    await client.write(head);
    await clock.looked();
    await client.write(piece.repeat(1_000));
    await clock.looked();
    clock.pass(BEYOND_GRACE);
    await clock.looked();
    await client.write(framing === "chunks" ? "0\r\n\r\n" : piece.repeat(69_000));
    assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 200);
    assertEquals(origin.requests[0]!.body.length, framing === "chunks" ? 1_000 : 70_000);
  });
}

Deno.test("with minRate 0, the slowest upload is waited for", async () => {
  using clock = clockAhead();
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", minRate: 0 });
  using client = await rawClient(proxy.address);
  await client.write(`${CHUNKED}1\r\n`);
  await clock.looked();
  clock.pass(BEYOND_GRACE);
  await clock.looked();
  await client.write("x\r\n0\r\n\r\n");
  assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 200);
});

Deno.test("a client that waits for 100 Continue is not slow, but it is when it has it", async () => {
  using clock = clockAhead();
  const asked = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    asked.resolve();
    await told.promise;
    await connection.write("HTTP/1.1 100 Continue\r\n\r\n");
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\nExpect: 100-continue\r\n\r\n",
  );
  await asked.promise;
  await clock.looked();
  clock.pass(BEYOND_GRACE);
  await clock.looked();
  told.resolve();
  assertEquals(statusOf(await within(client.readHead(), "the word") ?? ""), 100);
  // The time before does not count.
  clock.pass(BEYOND_GRACE / 2);
  await clock.looked();
  assertEquals(proxy.entries.length, 0);
  clock.pass(BEYOND_GRACE / 2);
  assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 408);
});

Deno.test("a body whose rest comes slowly behind an early answer is not held against the next request", async () => {
  using clock = clockAhead();
  // The process has been running for a while.
  clock.pass(3_600_000);
  await using origin = rawOrigin(async (connection) => {
    const post = await connection.readHead();
    if (post?.startsWith("POST")) {
      while (connection.received.length < 60_000) await connection.read();
      await connection.write("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    } else {
      // Slow enough for a look at the client.
      await clock.looked();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + "x".repeat(60_000));
  assertEquals(statusOf(await within(client.readHead(), "the early answer") ?? ""), 403);
  for (const piece of ["x".repeat(20_000), "x".repeat(20_000)]) {
    clock.pass(1_000);
    await clock.looked();
    await client.write(piece);
  }
  await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const answer = await within(client.readHead(), "the next answer") ?? "";
  assertEquals([statusOf(answer), valuesOf(answer, "connection")], [200, []]);
  assertEquals((await proxy.ended(2)).flag, "-");
});

for (const framing of ["a length", "chunks"] as const) {
  Deno.test(`an upload with ${framing} that is slow but steady takes longer than every time-out`, async () => {
    const limit = 400;
    await using origin = wireOrigin();
    await using proxy = testProxy({
      options: { clientBodyTimeout: limit },
      upstreamPeer: () => ({ address: origin.address }),
    }, { front: "tcp", headTimeout: limit, idleTimeout: limit, writeTimeout: limit });
    using client = await rawClient(proxy.address);
    const begun = performance.now();
    await client.write(framing === "chunks" ? CHUNKED : LENGTH.replace("70000", "80000"));
    const piece = "x".repeat(8_000);
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, limit / 6));
      await client.write(framing === "chunks" ? `1f40\r\n${piece}\r\n` : piece);
    }
    if (framing === "chunks") await client.write("0\r\n\r\n");
    assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 200);
    assert(performance.now() - begun > limit, "nothing was tried");
    assertEquals(origin.requests[0]!.body.length, 80_000);
  });
}

Deno.test("a client is not blamed for an upstream that does not take its upload", async () => {
  using clock = clockAhead();
  const size = 16_000_000;
  const goOn = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    const head = await connection.readHead() ?? "";
    await goOn.promise;
    for (let left = size + head.length - connection.received.length; left > 0; connection.received = "") {
      left -= (await connection.read())?.length ?? size;
    }
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  await using proxy = testProxy({
    options: { clientBodyTimeout: 1_000 },
    upstreamPeer: () => ({ address: origin.address }),
  }, { front: "tcp", headTimeout: 1_000, idleTimeout: 1_000, writeTimeout: 1_000 });
  using client = await rawClient(proxy.address);
  await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  const upload = push(client, size);
  await quiet(() => upload.pushed, 100);
  clock.pass(BEYOND_GRACE);
  await clock.looked();
  goOn.resolve();
  assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 200);
  assertEquals([await upload.done, (await proxy.ended(1)).bytesReceived], [true, size]);
});
