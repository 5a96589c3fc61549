import { assert, assertEquals } from "@std/assert";
import { LoadBalancer, type Session } from "../../src/mod.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask, settles, tally } from "../support/group.ts";
import { rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { responseText } from "../support/wire.ts";

const BURST = 300;

const HOOKS = {
  "a hook that returns the choice": (balancer: LoadBalancer) => (session: Session) =>
    balancer.select(session),
  "a hook that waits for the choice, and once more": (balancer: LoadBalancer) => async (session: Session) => {
    const peer = await balancer.select(session);
    await new Promise((resolve) => setTimeout(resolve, 1));
    return peer;
  },
};

for (const [name, hook] of Object.entries(HOOKS)) {
  Deno.test(`no backend ever has more than maxInFlight requests, and none is lost: ${name}`, async () => {
    await using one = busyOrigin("one");
    await using two = busyOrigin("two");
    const balancer = new LoadBalancer([
      { peer: { address: one.address }, maxInFlight: 3 },
      { peer: { address: two.address }, maxInFlight: 7 },
    ], { queue: { size: BURST, timeout: 30_000 } });
    await using proxy = testProxy({ upstreamPeer: hook(balancer) });
    const answers = await Promise.all(Array.from({ length: BURST }, () => ask(proxy)));
    const counts = tally(answers);
    assertEquals((counts["200 one"] ?? 0) + (counts["200 two"] ?? 0), BURST, JSON.stringify(counts));
    assert(one.most <= 3 && two.most <= 7, `at most 3 and 7 at a time, not ${one.most} and ${two.most}`);
    assert(two.most >= 5, `the room was used, not ${two.most} of 7`);
    await settles(balancer);
    assertEquals(balancer.backends.reduce((sum, { requests }) => sum + requests, 0), BURST);
  });
}

Deno.test("a request whose pooled connection was found dead keeps its place, and is one request", async () => {
  let now = 0;
  let most = 0;
  const closing = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    while (await connection.readHead() !== null) {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      await connection.write(responseText("ok"));
      if (connection.number > 1) continue;
      await closing.promise;
      connection.close();
      closed.resolve();
    }
  });
  const balancer = new LoadBalancer([{ peer: { address: origin.address }, maxInFlight: 1 }]);
  await using proxy = testProxy({
    upstreamPeer: balancer.select,
    async connectedToUpstream(_session, { reused }) {
      if (!reused || other !== undefined) return;
      other = ask(proxy);
      closing.resolve();
      await closed.promise;
      // Nothing tells when the proxy has noticed; this is long enough on loopback.
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
  });
  let other: Promise<string> | undefined;
  assertEquals(await ask(proxy), "200 ok");
  await proxy.ended(1);
  assertEquals(await ask(proxy), "200 ok");
  assertEquals(await other, "200 ok");
  await proxy.ended(3);
  await settles(balancer);
  const [{ requests, failures }] = balancer.backends as [LoadBalancer["backends"][number]];
  assertEquals([most, requests, failures], [1, 3, 0]);
  assertEquals(proxy.entries.map(({ attempts }) => attempts), [1, 1, 1]);
});

Deno.test("a place is kept for a hook that is slow to begin, and free again when it never does", async () => {
  await using origin = busyOrigin("ok");
  const balancer = new LoadBalancer([{ peer: { address: origin.address }, maxInFlight: 1 }]);
  balancer.select();
  assertEquals(balancer.backends[0]!.reserved, 1);
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  assertEquals(await ask(proxy), "200 ok");
  await settles(balancer);
});

Deno.test("two groups that share a peer object count by themselves", async () => {
  await using origin = busyOrigin("ok");
  const peer = { address: origin.address };
  const groups = [new LoadBalancer([peer]), new LoadBalancer([peer])] as const;
  await using proxy = testProxy({
    upstreamPeer: (session) => groups[session.request.target === "/0" ? 0 : 1].select(session),
  });
  for (const target of ["/0", "/1", "/1"]) assertEquals(await ask(proxy, target), "200 ok");
  assertEquals(groups.map(({ backends }) => backends[0]!.requests), [1, 2]);
  assertEquals(origin.connections, 1, "connections are shared");
});

Deno.test("a member given twice has its counts twice", () => {
  const peer = { address: "127.0.0.1:1" };
  const balancer = new LoadBalancer([{ peer, maxInFlight: 1 }, { peer, maxInFlight: 1 }], {
    queue: { size: 0 },
  });
  const [first, second] = balancer.peers;
  assert(first !== second, "one object each");
});
