import { assertEquals } from "@std/assert";
import { TICK } from "../../../src/http/watchdog.ts";
import { LoadBalancer, startProxy } from "../../../src/mod.ts";
import { captureLog } from "../../support/captured_log.ts";
import { settles } from "../../support/group.ts";
import { testProxy } from "../../support/proxy.ts";
import { openTunnel, restOf, tunnelOrigin } from "../../support/tunnel.ts";
import { within } from "../../support/wire.ts";

/** Time-outs of the tests, in milliseconds; more than two ticks, so that the request path looks at the client. */
const SHORT = 200;
const LONG = 400;

Deno.test("a tunnel through which nothing goes is closed on both sides after tunnelTimeout", async () => {
  using log = captureLog();
  const gone = Promise.withResolvers<void>();
  await using origin = tunnelOrigin(async (connection) => {
    await connection.closed();
    gone.resolve();
  });
  await using proxy = testProxy(origin.address, { front: "tcp", tunnelTimeout: SHORT });
  using client = await openTunnel(proxy.address);
  assertEquals(await restOf(client), "");
  await within(gone.promise, "the end of the upstream's connection");
  const entry = await within(proxy.ended(1), "the tunnel's end");
  // Time-outs count from the watchdog's last look.
  assertEquals([entry.status, entry.flag, entry.totalMs >= SHORT - 2 * TICK], [101, "SI", true]);
  assertEquals([proxy.counters.active, proxy.counters.clientGone, proxy.idleConnections], [0, 0, 0]);
  await log.line(`client_timeout: Nothing went through the tunnel for ${SHORT} ms`);
});

for (const from of ["the client", "the upstream"]) {
  Deno.test(`what ${from} alone says keeps a tunnel open`, async () => {
    const said = async (write: (text: string) => Promise<void>) => {
      for (let i = 0; i < 8; i++) {
        await write("x");
        await new Promise((resolve) => setTimeout(resolve, LONG / 5));
      }
    };
    const isClient = from === "the client";
    await using origin = tunnelOrigin((c) => isClient ? c.closed() : said((text) => c.write(text)));
    await using proxy = testProxy(origin.address, { front: "tcp", tunnelTimeout: LONG });
    using client = await openTunnel(proxy.address);
    if (isClient) {
      await said((text) => client.write(text));
      client.close();
    } else {
      assertEquals(await restOf(client), "x".repeat(8));
    }
    const { flag, totalMs, bytesReceived, bytesSent } = await within(proxy.ended(1), "the tunnel's end");
    assertEquals([flag, totalMs > LONG, bytesReceived + bytesSent], ["-", true, 8]);
  });
}

for (const side of ["client", "upstream"] as const) {
  Deno.test(`when the ${side} is done and the other side says nothing any more, both are closed; that is no failure`, async () => {
    const over = Promise.withResolvers<void>();
    await using origin = tunnelOrigin(async (connection) => {
      if (side === "upstream") await connection.closeWrite();
      await connection.closed();
      await over.promise;
    });
    await using proxy = testProxy(origin.address, { front: "tcp", tunnelTimeout: SHORT });
    using client = await openTunnel(proxy.address);
    if (side === "client") await client.closeWrite();
    await restOf(client);
    const { status, flag, totalMs } = await within(proxy.ended(1), "the tunnel's end");
    over.resolve();
    assertEquals([status, flag, totalMs >= SHORT, proxy.counters.clientGone], [101, "-", true, 0]);
  });
}

Deno.test("stop waits for tunnels as long as it may, then ends them on both sides", async () => {
  for (const drain of [0, SHORT]) {
    const gone = Promise.withResolvers<void>();
    await using origin = tunnelOrigin(async (connection) => {
      await connection.closed();
      gone.resolve();
    });
    const balancer = new LoadBalancer([{ peer: { address: origin.address } }]);
    const flags: string[] = [];
    const running = startProxy({ upstreamPeer: balancer.select }, {
      listen: "127.0.0.1:0",
      listener: { front: "tcp" },
      onEnd: ({ status, flag }) => flags.push(`${status} ${flag}`),
    });
    using client = await openTunnel(running.address);
    assertEquals([balancer.inFlight, balancer.backends[0]!.inFlight], [1, 1]);
    const begun = performance.now();
    assertEquals(await within(running.stop(drain), "the proxy's end"), false);
    assertEquals(performance.now() - begun >= drain, true);
    await restOf(client);
    await within(gone.promise, "the end of the upstream's connection");
    assertEquals(flags, ["101 SD"]);
    await settles(balancer);
    assertEquals([balancer.backends[0]!.requests, balancer.backends[0]!.failures], [1, 0]);
  }
});

Deno.test("a tunnel that ends while the proxy drains lets it stop in time", async () => {
  await using origin = tunnelOrigin();
  const running = startProxy({ upstreamPeer: () => ({ address: origin.address }) }, {
    listen: "127.0.0.1:0",
    listener: { front: "tcp" },
  });
  using client = await openTunnel(running.address);
  const stopping = running.stop(60_000);
  await client.write("still");
  await client.readUntil("still");
  client.close();
  assertEquals(await within(stopping, "the proxy's end"), true);
});
