/** Clients that take their time before a request and between two: no connection is held for nothing. */
import { assert, assertEquals } from "@std/assert";
import { TICK } from "../../../src/http/watchdog.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf, valuesOf } from "../../support/send.ts";
import { within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** A time-out that a test waits for. */
const SHORT = 250;
/** The clock that deadlines are counted on may be behind by a tick, and the timer of a test early. */
const LOOKED_AT = 2 * TICK;

Deno.test("a head that comes byte by byte is answered with 408 when headTimeout is over, however many bytes still come", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", headTimeout: SHORT });
  using client = await rawClient(proxy.address);
  const begun = performance.now();
  let over = false;
  const answer = within(client.closed(), "the end of the connection").finally(() => over = true);
  // Each byte comes well within the time-out.
  for (let i = 0; !over; i++) {
    await client.write(i === 0 ? "GET / HTTP/1.1\r\nX-Long: " : "x").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, SHORT / 10));
    // The client closes on the answer, as one does.
    if (client.received.includes("\r\n\r\n")) client.close();
  }
  await answer;
  assert(performance.now() - begun >= SHORT - LOOKED_AT, "it was cut off too early");
  assertEquals([statusOf(client.received), valuesOf(client.received, "connection")], [408, ["close"]]);
  const { method, status, flag } = await proxy.ended(1);
  assertEquals([method, status, flag, proxy.entries.length, origin.connections], ["-", 408, "SI", 1, 0]);
});

const HALVES: [name: string, text: string][] = [
  ["a letter", "G"],
  ["a request line", "GET / HTTP/1.1\r\n"],
  ["all but the last byte", GET.slice(0, -1)],
  ["an empty line and a letter", "\r\nG"],
  ["half of an empty line", "\r"],
];

for (const [name, text] of HALVES) {
  Deno.test(`a head of which ${name} came is answered with 408 after headTimeout`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp", headTimeout: SHORT, idleTimeout: 0 });
    using client = await rawClient(proxy.address);
    await client.write(text);
    await within(client.closed(), "the end of the connection");
    assertEquals(statusOf(client.received), 408);
    assertEquals((await proxy.ended(1)).status, 408);
  });
}

Deno.test("empty lines do not hold a connection: it is closed without a word", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", headTimeout: SHORT, idleTimeout: 2 * SHORT });
  using whole = await rawClient(proxy.address);
  using halves = await rawClient(proxy.address);
  await Promise.all([whole.write("\r\n\r\n"), halves.write("\r")]);
  await new Promise((resolve) => setTimeout(resolve, SHORT / 5));
  await halves.write("\n");
  await within(Promise.all([whole.closed(), halves.closed()]), "the end of both connections");
  assertEquals([whole.received, halves.received, proxy.entries.length], ["", "", 0]);
});

Deno.test("a connection on which nothing comes is closed after idleTimeout, without a word", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", idleTimeout: SHORT, headTimeout: 0 });
  using client = await rawClient(proxy.address);
  const begun = performance.now();
  await within(client.closed(), "the end of the connection");
  assert(performance.now() - begun >= SHORT - LOOKED_AT, "it was closed too early");
  assertEquals([client.received, proxy.entries.length], ["", 0]);
});

Deno.test("a kept connection is closed idleTimeout after its last answer, counted anew for each", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", idleTimeout: 3 * SHORT });
  using client = await rawClient(proxy.address);
  const begun = performance.now();
  let last = 0;
  for (let i = 0; i < 4; i++) {
    await client.write(GET);
    assertEquals(statusOf(await client.readHead() ?? ""), 200);
    last = performance.now();
    if (i < 3) await new Promise((resolve) => setTimeout(resolve, 1.2 * SHORT));
  }
  assert(last - begun > 3 * SHORT, "nothing was tried");
  const before = client.received.length;
  await within(client.closed(), "the end of the connection");
  assertEquals([client.received.length, proxy.entries.length], [before, 4]);
});

Deno.test("the time that an answer takes is no idle time, and none of a head", async () => {
  const release = Promise.withResolvers<void>();
  await using proxy = testProxy({
    async requestFilter() {
      await release.promise;
      return new Response("late");
    },
  }, { front: "tcp", idleTimeout: SHORT, headTimeout: SHORT });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await new Promise((resolve) => setTimeout(resolve, 2 * SHORT));
  release.resolve();
  assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 200);
});

Deno.test("time-outs of 0 are for ever", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", headTimeout: 0, idleTimeout: 0 });
  using client = await rawClient(proxy.address);
  await client.write(GET.slice(0, 5));
  using silent = await rawClient(proxy.address);
  // Long enough for two looks at the deadlines.
  await new Promise((resolve) => setTimeout(resolve, 150));
  await Promise.all([client.write(GET.slice(5)), silent.write(GET)]);
  for (const each of [client, silent]) {
    assertEquals(statusOf(await within(each.readHead(), "the answer") ?? ""), 200);
  }
});
