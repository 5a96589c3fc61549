import { assert, assertEquals } from "@std/assert";
import { LoadBalancer, type LoadBalancerOptions } from "../../src/mod.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask, askInTurn, settles, tally } from "../support/group.ts";
import { deadAddress, rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";
import { requestText, responseText } from "../support/wire.ts";

/** Events of a group as `type port-of-backend`, `good` and `bad` for ports. */
function told(balancer: LoadBalancer): string[] {
  const events: string[] = [];
  balancer.events.listen(({ type, backend }) =>
    events.push(`${type} ${backend === balancer.backends[0] ? "good" : "bad"}`)
  );
  return events;
}

function group(good: string, bad: string, options: LoadBalancerOptions): LoadBalancer {
  return new LoadBalancer([{ address: good }, { address: bad }], options);
}

Deno.test("a backend that answers 5xx is ejected, and back when its time is over", async () => {
  await using good = busyOrigin("good");
  await using bad = busyOrigin("bad", { status: "503 Oh" });
  const balancer = group(good.address, bad.address, { outlier: { errors: 3, ejectFor: 200 } });
  const events = told(balancer);
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  assertEquals(tally(await askInTurn(proxy, 6)), { good: 3, 503: 3 });
  assertEquals(events, ["ejected bad"]);
  const beforehand = performance.now();
  assertEquals(tally(await askInTurn(proxy, 4)), { good: 4 });
  assert(performance.now() - beforehand < 200, "it was out all the time");
  await until("its time is over", () => balancer.backends[1]!.outlier!.until <= performance.now());
  assertEquals(tally(await askInTurn(proxy, 2)), { good: 1, 503: 1 });
  assertEquals(events, ["ejected bad", "readmitted bad"]);
  assertEquals(balancer.backends.map(({ failures }) => failures), [0, 4]);
});

Deno.test("a backend that cannot be reached is ejected, and no client sees it", async () => {
  await using good = busyOrigin("good");
  const balancer = group(good.address, deadAddress(), { outlier: { connectFailures: 2 } });
  const events = told(balancer);
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  assertEquals(tally(await askInTurn(proxy, 12)), { good: 12 });
  assertEquals([events, balancer.backends[1]!.requests], [["ejected bad"], 2]);
});

Deno.test("a client that leaves says nothing against its backend", async () => {
  let got = 0;
  await using slow = rawOrigin(async (connection) => {
    await connection.readHead();
    got++;
    await connection.closed();
  });
  const balancer = new LoadBalancer([{ address: slow.address }], {
    outlier: { errors: 1, maxShare: 1 },
    breaker: { failures: 1 },
  });
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  for (let i = 1; i <= 3; i++) {
    using client = await rawClient(proxy.address);
    await client.write(requestText("GET", "/"));
    await until("the origin has it", () => got === i);
    client.close();
    await proxy.ended(i);
  }
  await settles(balancer);
  const [{ outlier, breaker, failures }] = balancer.backends as [LoadBalancer["backends"][number]];
  assertEquals([outlier!.until, breaker!.state, failures], [0, "closed", 0]);
});

Deno.test("a breaker opens, lets one probe through at a time when it is half-open, and closes", async () => {
  let failing = true;
  let probes = 0;
  const held: (() => void)[] = [];
  await using bad = rawOrigin(async (connection) => {
    while (await connection.readHead() !== null) {
      if (failing) await connection.write(responseText("", "", "500 Oh"));
      else {
        probes++;
        await new Promise<void>((resolve) => held.push(resolve));
        await connection.write(responseText("bad"));
      }
    }
  });
  await using good = busyOrigin("good");
  const balancer = group(good.address, bad.address, { breaker: { failures: 2, openFor: 150 } });
  const events = told(balancer);
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  assertEquals(tally(await askInTurn(proxy, 8)), { good: 6, 500: 2 });
  assertEquals(events, ["opened bad"]);
  failing = false;
  await new Promise((resolve) => setTimeout(resolve, 160));
  const answers = Array.from({ length: 10 }, () => ask(proxy));
  await until("a probe is there", () => held.length === 1);
  await until("all others are answered", () => proxy.counters.active === 1);
  assertEquals([probes, balancer.backends[1]!.breaker!.state], [1, "half-open"]);
  failing = true;
  held.shift()!();
  assertEquals(tally(await Promise.all(answers)), { "200 good": 9, "200 bad": 1 });
  assertEquals(events, ["opened bad", "closed bad"]);
});

Deno.test("a probe that fails opens the breaker again, and all open is a 503", async () => {
  await using bad = busyOrigin("", { status: "500 Oh" });
  const balancer = new LoadBalancer([{ address: bad.address }], { breaker: { failures: 1, openFor: 100 } });
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  assertEquals(await askInTurn(proxy, 3), ["500", "503", "503"]);
  assertEquals((await proxy.ended(2)).flag, "UH");
  await new Promise((resolve) => setTimeout(resolve, 110));
  assertEquals(await askInTurn(proxy, 2), ["500", "503"]);
  assertEquals(bad.targets.length, 2);
});
