/** How many connections there may be: who makes room, who waits, who is turned away. */
import { assertEquals } from "@std/assert";
import type { ProxyModule } from "../../../src/mod.ts";
import type { RawConnection } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf, valuesOf } from "../../support/send.ts";
import { within } from "../../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HOLD = GET.replace("/ ", "/hold ");

/** A module that answers at once, but for `/hold`, which is held until it is let go. */
function holding(): ProxyModule & { held: Promise<void>; letGo(): void } {
  const held = Promise.withResolvers<void>();
  const free = Promise.withResolvers<void>();
  return {
    held: held.promise,
    letGo: free.resolve,
    async requestFilter({ request }) {
      if (request.target === "/hold") {
        held.resolve();
        await free.promise;
      }
      return new Response(null, { status: 204 });
    },
  };
}

/** Makes a request; its status. */
async function ask(client: RawConnection): Promise<number> {
  await client.write(GET);
  return statusOf(await within(client.readHead(), "the answer") ?? "");
}

/** Whether a connection still answers. */
async function lives(client: RawConnection): Promise<boolean> {
  return await ask(client).catch(() => 0) === 204;
}

Deno.test("at maxConnections, the connection that is idle for longest makes room for a new one", async () => {
  await using proxy = testProxy(holding(), { front: "tcp", maxConnections: 3 });
  using first = await rawClient(proxy.address);
  assertEquals(await ask(first), 204);
  using second = await rawClient(proxy.address);
  assertEquals(await ask(second), 204);
  using third = await rawClient(proxy.address);
  assertEquals(await ask(third), 204);
  // A tick of the clock that the time is taken from.
  await new Promise((resolve) => setTimeout(resolve, 100));
  // Nobody is closed before there is a new one.
  assertEquals([await ask(first), await ask(third)], [204, 204]);
  using fourth = await rawClient(proxy.address);
  assertEquals(await ask(fourth), 204);
  await within(second.closed(), "the end of the second");
  assertEquals([await lives(first), await lives(third), await lives(fourth)], [true, true, true]);
});

Deno.test("a connection that was never used makes room as well", async () => {
  await using proxy = testProxy(holding(), { front: "tcp", maxConnections: 1 });
  using unused = await rawClient(proxy.address);
  using next = await rawClient(proxy.address);
  assertEquals(await ask(next), 204);
  await within(unused.closed(), "the end of the unused one");
  assertEquals(unused.received, "");
});

Deno.test("half heads, however often they are sent anew, do not keep others out", async () => {
  await using proxy = testProxy(holding(), { front: "tcp", maxConnections: 4 });
  const halves: RawConnection[] = [];
  const sendHalf = async () => {
    const half = await rawClient(proxy.address);
    await half.write("GET / HT");
    halves.push(half);
  };
  for (let i = 0; i < 4; i++) await sendHalf();
  for (let i = 0; i < 4; i++) {
    using client = await rawClient(proxy.address);
    assertEquals(await ask(client), 204);
    await sendHalf();
  }
  // The first ones made room, without an answer.
  await within(halves[0]!.closed(), "the end of the first half head");
  assertEquals([halves[0]!.received, proxy.entries.length], ["", 4]);
  for (const half of halves) half.close();
});

Deno.test("one that is in a head for longer makes room before one that has just become idle", async () => {
  await using proxy = testProxy(holding(), { front: "tcp", maxConnections: 2 });
  using half = await rawClient(proxy.address);
  await half.write("GET / HT");
  // Some ticks of the clock that the time is taken from.
  await new Promise((resolve) => setTimeout(resolve, 150));
  using idle = await rawClient(proxy.address);
  assertEquals(await ask(idle), 204);
  using next = await rawClient(proxy.address);
  assertEquals(await ask(next), 204);
  await within(half.closed(), "the end of the half head");
  assertEquals(await lives(idle), true);
});

const BUSY: [name: string, text: string][] = [
  ["waits for its answer", HOLD],
  ["is in the middle of a body", "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody"],
];

for (const [name, text] of BUSY) {
  Deno.test(`a connection that ${name} is never closed for a new one, which waits until it ends`, async () => {
    const module = holding();
    await using proxy = testProxy(module, { front: "tcp", maxConnections: 1 });
    using busy = await rawClient(proxy.address);
    await busy.write(text);
    await module.held;
    using next = await rawClient(proxy.address);
    await next.write(GET);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assertEquals([next.received, proxy.entries.length], ["", 0]);
    busy.close();
    module.letGo();
    assertEquals(statusOf(await within(next.readHead(), "the next answer") ?? ""), 204);
  });
}

Deno.test("a new connection that waits is served as soon as a busy one becomes idle", async () => {
  const module = holding();
  await using proxy = testProxy(module, { front: "tcp", maxConnections: 1 });
  using busy = await rawClient(proxy.address);
  await busy.write(HOLD);
  await module.held;
  using next = await rawClient(proxy.address);
  await next.write(GET);
  module.letGo();
  assertEquals(statusOf(await within(busy.readHead(), "the answer") ?? ""), 204);
  assertEquals(statusOf(await within(next.readHead(), "the next answer") ?? ""), 204);
});

Deno.test("a connection that waits for room is closed when the listener is", async () => {
  const module = holding();
  const proxy = testProxy(module, { front: "tcp", maxConnections: 1 });
  using busy = await rawClient(proxy.address);
  await busy.write(HOLD);
  await module.held;
  using next = await rawClient(proxy.address);
  await next.write(GET);
  await proxy[Symbol.asyncDispose]();
  await within(Promise.all([busy.closed(), next.closed()]), "the end of both connections");
  assertEquals([next.received, proxy.entries.length], ["", 1]);
});

Deno.test("beyond maxConnectionsPerAddress, connections of that address are closed at once, until one ends", async () => {
  await using proxy = testProxy(holding(), { front: "tcp", maxConnectionsPerAddress: 2 });
  using first = await rawClient(proxy.address);
  using second = await rawClient(proxy.address);
  assertEquals([await ask(first), await ask(second)], [204, 204]);
  for (let i = 0; i < 3; i++) {
    using third = await rawClient(proxy.address);
    await within(third.closed(), "the end of the third");
    assertEquals(third.received, "");
  }
  assertEquals([await lives(first), await lives(second), proxy.entries.length], [true, true, 4]);
  await first.write(GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  await within(first.closed(), "the end of the first");
  using fourth = await rawClient(proxy.address);
  assertEquals(await ask(fourth), 204);
});

Deno.test("maxConnectionsPerAddress counts every client on its own behind a proxy that tells of it", async () => {
  await using proxy = testProxy(holding(), {
    front: "tcp",
    maxConnectionsPerAddress: 1,
    proxyProtocol: ["127.0.0.1"],
  });
  const connect = async (address: string) => {
    const client = await rawClient(proxy.address);
    await client.write(`PROXY TCP4 ${address} 10.0.0.1 1 2\r\n${GET}`);
    return client;
  };
  using one = await connect("192.0.2.1");
  assertEquals(statusOf(await within(one.readHead(), "the answer") ?? ""), 204);
  using other = await connect("192.0.2.2");
  assertEquals(statusOf(await within(other.readHead(), "the other answer") ?? ""), 204);
  using again = await connect("192.0.2.1");
  await within(again.closed(), "the end of the second of an address");
  assertEquals([again.received, await lives(one), await lives(other)], ["", true, true]);
});

Deno.test("the last of maxRequests says so and ends the connection", async () => {
  await using proxy = testProxy(holding(), { front: "tcp", maxRequests: 3 });
  using client = await rawClient(proxy.address);
  // All at once: what comes behind the last one is not answered.
  await client.write(GET.repeat(5));
  for (const expected of [[], [], ["close"]]) {
    const head = await within(client.readHead(), "the answer") ?? "";
    assertEquals([statusOf(head), valuesOf(head, "connection")], [204, expected]);
  }
  assertEquals([await within(client.readHead(), "the end"), proxy.entries.length], [null, 3]);
});

Deno.test("with maxConnections, maxConnectionsPerAddress and maxRequests 0, there is no limit", async () => {
  await using proxy = testProxy(holding(), {
    front: "tcp",
    maxConnections: 0,
    maxConnectionsPerAddress: 0,
    maxRequests: 0,
  });
  const clients = await Promise.all(Array.from({ length: 50 }, () => rawClient(proxy.address)));
  for (const client of clients) assertEquals([await ask(client), await ask(client)], [204, 204]);
  for (const client of clients) client.close();
});

Deno.test("clients that reset before they are served are no error", async () => {
  const module = holding();
  await using proxy = testProxy(module, { front: "tcp", maxConnections: 1 });
  using busy = await rawClient(proxy.address);
  await busy.write(HOLD);
  await module.held;
  for (let i = 0; i < 5; i++) {
    using gone = await rawClient(proxy.address);
    await gone.write(GET);
  }
  module.letGo();
  busy.close();
  using next = await rawClient(proxy.address);
  assertEquals(await ask(next), 204);
});
