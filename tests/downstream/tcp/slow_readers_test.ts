/** Clients that take their answers slowly or not at all. */
import { assert, assertEquals } from "@std/assert";
import { clockAhead } from "../../support/clock_ahead.ts";
import { push, quiet } from "../../support/flow.ts";
import { type Origin, rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { within } from "../../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
/** More than all buffers between an origin and a client take. */
const HUGE = 100_000_000;
/** More than the buffers between the proxy and a client take. */
const LARGE = 16_000_000;

/** An origin that pours a huge body; tells how far it got and whether all of it was taken. */
function pouring(
  framing: "length" | "chunked",
  size = HUGE,
): Origin & { pushed(): number; outcome: Promise<boolean> } {
  const outcome = Promise.withResolvers<boolean>();
  let pushed = () => 0;
  const origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(
      framing === "length"
        ? `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`
        : `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n`,
    );
    const flow = push(connection, size);
    pushed = () => flow.pushed;
    outcome.resolve(await flow.done);
  });
  return Object.assign(origin, { pushed: () => pushed(), outcome: outcome.promise });
}

for (const framing of ["length", "chunked"] as const) {
  Deno.test(`a client that takes nothing of a ${framing} answer for writeTimeout is cut off, and the upstream too`, async () => {
    await using origin = pouring(framing);
    await using proxy = testProxy(origin.address, { front: "tcp", writeTimeout: 200 });
    using client = await rawClient(proxy.address);
    await client.write(GET);
    await client.readHead();
    assertEquals(await within(origin.outcome, "the end of the upstream's connection"), false);
    const { status, flag, bytesSent } = await proxy.ended(1);
    // The client has had the status: that it did not take the rest says the flag.
    assertEquals([status, flag, proxy.counters.active, proxy.idleConnections], [200, "SI", 0, 0]);
    assert(bytesSent < HUGE, "all of it was sent");
    await within(client.closed(), "the end of the client's connection");
    assert(client.received.length < HUGE, "all of it came");
  });
}

Deno.test("a client that takes less than minRate on average is cut off, though never silent for writeTimeout", async () => {
  using clock = clockAhead();
  await using origin = pouring("length");
  // Buffers hold some megabytes of it, which count as taken.
  await using proxy = testProxy(origin.address, { front: "tcp", writeTimeout: 0, minRate: HUGE });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await quiet(origin.pushed, 100);
  clock.pass(6_000);
  assertEquals(await within(origin.outcome, "the end of the upstream's connection"), false);
  const { status, flag } = await proxy.ended(1);
  assertEquals([status, flag], [200, "SI"]);
});

Deno.test("with writeTimeout and minRate 0, a client that takes nothing for minutes gets all of its answer", async () => {
  using clock = clockAhead();
  await using origin = pouring("length", LARGE);
  await using proxy = testProxy({
    options: { clientWriteTimeout: 0 },
    upstreamPeer: () => ({ address: origin.address }),
  }, { front: "tcp", writeTimeout: 0, minRate: 0 });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await quiet(origin.pushed, 100);
  clock.pass(600_000);
  await clock.looked();
  let taken = 0;
  for (let piece; (piece = await client.read()) !== null; client.received = "") taken += piece.length;
  assert(taken >= LARGE, `${taken} bytes came`);
  assertEquals((await proxy.ended(1)).flag, "-");
});

Deno.test("an answer that is taken steadily takes longer than every time-out", async () => {
  const limit = 400;
  const pieces = 10;
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${pieces * 1_000}\r\n\r\n`);
    for (let i = 0; i < pieces; i++) {
      await new Promise((resolve) => setTimeout(resolve, limit / 6));
      await connection.write("x".repeat(1_000));
    }
  });
  await using proxy = testProxy(origin.address, {
    front: "tcp",
    writeTimeout: limit,
    headTimeout: limit,
    idleTimeout: limit,
  });
  using client = await rawClient(proxy.address);
  const begun = performance.now();
  await client.write(GET);
  await within(client.closed(), "the end of the answer");
  assert(performance.now() - begun > limit, "nothing was tried");
  assertEquals(client.received.split("\r\n\r\n")[1]?.length, pieces * 1_000);
  assertEquals((await proxy.ended(1)).flag, "-");
});

Deno.test("a client that rests between its reads for less than writeTimeout gets all of its answer", async () => {
  const limit = 600;
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
    await push(connection, LARGE).done;
  });
  await using proxy = testProxy(origin.address, { front: "tcp", writeTimeout: limit });
  using client = await rawClient(proxy.address);
  const begun = performance.now();
  await client.write(GET);
  let taken = 0;
  let rest = LARGE / 8;
  for (let piece; (piece = await client.read()) !== null; client.received = "") {
    taken += piece.length;
    if (taken < rest) continue;
    rest += LARGE / 8;
    await new Promise((resolve) => setTimeout(resolve, limit / 4));
  }
  assert(taken > LARGE, `${taken} bytes came`);
  assert(performance.now() - begun > limit, "nothing was tried");
  assertEquals((await proxy.ended(1)).flag, "-");
});
