/**
 * How a tunnel ends, and what is said of it. Each ends once at once and once after a while: the request path looks at
 * a request's client only from the second tick of its watchdog on.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { connect, type Socket } from "node:net";
import { captureLog } from "../../support/captured_log.ts";
import { type RawConnection, rawOrigin } from "../../support/origin.ts";
import { testProxy } from "../../support/proxy.ts";
import { resetOrigin } from "../../support/reset_origin.ts";
import { echo, openTunnel, restOf, switchText, tunnelOrigin, upgradeText } from "../../support/tunnel.ts";
import { within } from "../../support/wire.ts";
import { until } from "../../support/until.ts";

/** Long enough for the request path to look at the client, in milliseconds. */
const WHILE = 150;

const AGES = [["at once", 0], ["after a while", WHILE]] as const;

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface Case {
  name: string;
  upstream: (connection: RawConnection) => Promise<void>;
  client: (client: RawConnection) => Promise<unknown>;
  up: number;
  down: number;
}

const CASES: Case[] = [
  {
    name: "the client closes",
    upstream: echo,
    async client(client) {
      await client.write("ping");
      await client.readUntil("ping");
      client.close();
    },
    up: 4,
    down: 4,
  },
  {
    name: "the upstream closes",
    upstream: (connection) => connection.write("bye"),
    async client(client) {
      assertEquals(await restOf(client), "bye");
      client.close();
    },
    up: 0,
    down: 3,
  },
  {
    name: "the client says that it is done, the upstream goes on and closes",
    async upstream(connection) {
      await connection.closed();
      await connection.write("one");
      await connection.write("two");
    },
    async client(client) {
      await client.write("last");
      await client.closeWrite();
      assertEquals(await restOf(client), "onetwo");
    },
    up: 4,
    down: 6,
  },
  {
    name: "the upstream says that it is done, the client goes on and closes",
    async upstream(connection) {
      await connection.closeWrite();
      await connection.readUntil("onetwo");
      await connection.closed();
    },
    async client(client) {
      await client.closed();
      await client.write("one");
      await client.write("two");
      client.close();
    },
    up: 6,
    down: 0,
  },
  {
    name: "both close together",
    async upstream(connection) {
      await connection.readUntil("now");
      connection.close();
    },
    async client(client) {
      await client.write("now");
      client.close();
    },
    up: 3,
    down: 0,
  },
];

for (const { name, upstream, client: talk, up, down } of CASES) {
  for (const [when, ms] of AGES) {
    Deno.test(`${name} ${when}: that is the usual end`, async () => {
      await using origin = tunnelOrigin(async (connection) => {
        await pass(ms);
        await upstream(connection);
      });
      await using proxy = testProxy(origin.address, { front: "tcp" });
      using client = await openTunnel(proxy.address);
      assertEquals(proxy.counters.active, 1);
      await pass(ms);
      await talk(client);
      const entry = await within(proxy.ended(1), "the tunnel's end");
      assertEquals(
        [entry.status, entry.flag, entry.bytesReceived, entry.bytesSent, entry.attempts],
        [101, "-", up, down, 1],
      );
      const { active, requests, clientGone } = proxy.counters;
      assertEquals([active, requests, clientGone, proxy.idleConnections], [0, 1, 0, 0]);
      assertEquals(proxy.entries.length, 1);
    });
  }
}

/** A client whose connection can be reset. */
async function resettable(address: string): Promise<Socket> {
  const [host, port] = address.split(":") as [string, string];
  const socket = connect(Number(port), host);
  socket.on("error", () => {});
  socket.write(upgradeText());
  await new Promise((resolve) => socket.once("data", resolve));
  return socket;
}

for (const [when, ms] of AGES) {
  Deno.test(`a client that resets its connection ${when} broke the tunnel off; the upstream's is closed`, async () => {
    using log = captureLog();
    const gone = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    await using origin = tunnelOrigin(async (connection) => {
      await connection.closed();
      gone.resolve();
      // It does not close because the other side has.
      await over.promise;
    });
    await using proxy = testProxy(origin.address, { front: "tcp" });
    const client = await resettable(proxy.address);
    await pass(ms);
    client.resetAndDestroy();
    const { status, flag } = await within(proxy.ended(1), "the tunnel's end");
    await within(gone.promise, "the end of the upstream's connection");
    over.resolve();
    assertEquals([status, flag, proxy.counters.active, proxy.counters.clientGone], [101, "DC", 0, 1]);
    await log.line("client_gone: The client broke the tunnel off");
  });

  Deno.test(`an upstream that resets its connection ${when} broke the tunnel off; the client's is closed`, async () => {
    using log = captureLog();
    await using origin = await resetOrigin(switchText() + "half a mess");
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await openTunnel(proxy.address);
    await client.readUntil("mess");
    await pass(ms);
    origin.reset();
    assertEquals(await restOf(client), "half a mess");
    const { status, flag, bytesSent } = await within(proxy.ended(1), "the tunnel's end");
    assertEquals([status, flag, bytesSent, proxy.counters.clientGone], [101, "UC", 11, 0]);
    await log.line("upstream_closed: The upstream broke the tunnel off");
  });
}

Deno.test("a client that leaves before the 101 leaves no upstream connection behind", async () => {
  let asked = 0;
  const gone = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    asked++;
    await connection.closed();
    gone.resolve();
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const [hostname, port] = proxy.address.split(":") as [string, string];
  const client = await Deno.connect({ hostname, port: Number(port) });
  await client.write(new TextEncoder().encode(upgradeText()));
  await until("the upstream is asked", () => asked === 1);
  client.close();
  await within(gone.promise, "the end of the upstream's connection");
  const { status, flag } = await within(proxy.ended(1), "the request's end");
  assertEquals([status, flag, proxy.idleConnections], [499, "DC", 0]);
});
