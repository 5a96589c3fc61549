import { assertEquals } from "@std/assert";
import { LoadBalancer } from "../../../src/mod.ts";
import { settles } from "../../support/group.ts";
import { rawOrigin } from "../../support/origin.ts";
import { testProxy } from "../../support/proxy.ts";
import { Random } from "../../support/random.ts";
import { send, statusOf } from "../../support/send.ts";
import { echo, openTunnel, switchText, tunnelOrigin } from "../../support/tunnel.ts";
import { until } from "../../support/until.ts";
import { requestText, responseText, within } from "../../support/wire.ts";

const MANY = 300;

Deno.test("300 tunnels at once, which end in any order from either side, leave nothing behind", async () => {
  const random = new Random(7);
  // An upstream that is told to closes.
  await using origin = tunnelOrigin(async (connection) => {
    for (let text; (text = await connection.read()) !== null && !text.includes("close");) {
      await connection.write(text);
    }
  });
  const balancer = new LoadBalancer([{ peer: { address: origin.address } }]);
  await using proxy = testProxy({ upstreamPeer: balancer.select }, { front: "tcp" });
  const open = await Promise.all(Array.from({ length: MANY }, () => openTunnel(proxy.address)));
  assertEquals([proxy.counters.active, balancer.inFlight], [MANY, MANY]);
  const ends: Promise<void>[] = [];
  for (let n = 0; open.length > 0; n++) {
    const client = open.splice(random.below(open.length), 1)[0]!;
    const end = async () => {
      const said = `tunnel ${n}.`;
      await client.write(said);
      assertEquals(await client.readUntil(said), true);
      await random.pick([
        () => client.write("close"),
        () => client.closeWrite(),
        () => client.close(),
      ])();
      await client.closed();
      client.close();
    };
    ends.push(end());
    // Some are opened while others end.
    if (random.once(4)) {
      ends.push(
        openTunnel(proxy.address).then(async (another) => {
          await another.closeWrite();
          await another.closed();
          another.close();
        }),
      );
    }
  }
  const all = ends.length;
  await within(Promise.all(ends), "the ends", 20_000);
  await within(proxy.ended(all), "the entries");
  assertEquals([proxy.counters.active, proxy.entries.length, proxy.idleConnections], [0, all, 0]);
  assertEquals(proxy.entries.filter(({ status, flag }) => `${status} ${flag}` !== "101 -"), []);
  await settles(balancer);
});

Deno.test("a tunnel is in flight at its backend until its end: a place that it takes is free only then", async () => {
  await using origin = rawOrigin(async (connection) => {
    for (let head; (head = await connection.readHead()) !== null;) {
      if (!head.includes("upgrade")) {
        await connection.write(responseText("page"));
        continue;
      }
      await connection.write(switchText());
      return await echo(connection);
    }
  });
  const balancer = new LoadBalancer([{ peer: { address: origin.address }, maxInFlight: 1 }]);
  await using proxy = testProxy({ upstreamPeer: balancer.select }, { front: "tcp" });
  assertEquals(statusOf(await send(proxy.address, requestText("GET", "/"))), 200);
  using client = await openTunnel(proxy.address);
  assertEquals([balancer.inFlight, balancer.backends[0]!.inFlight, proxy.idleConnections], [1, 1, 0]);
  assertEquals(statusOf(await send(proxy.address, requestText("GET", "/"))), 503);
  client.close();
  await until("the place is free", () => balancer.inFlight === 0);
  assertEquals(statusOf(await send(proxy.address, requestText("GET", "/"))), 200);
  const [backend] = balancer.backends;
  assertEquals([backend!.requests, backend!.failures, origin.connections], [3, 0, 2]);
});
