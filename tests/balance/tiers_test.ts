import { assertEquals } from "@std/assert";
import { LoadBalancer, type Member } from "../../src/mod.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask, choices, peerAt, tally } from "../support/group.ts";
import { deadAddress } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";

/** Members at the ports 1, 2 and so on. */
function group(...settings: Omit<Member, "peer">[]): Member[] {
  return settings.map((its, i) => ({ peer: peerAt(i + 1), ...its }));
}

Deno.test("a backup gets requests only while no primary can be used", () => {
  const balancer = new LoadBalancer(group({}, {}, { backup: true }, { backup: true }));
  const [one, two] = balancer.backends;
  assertEquals(choices(balancer, 4), "1212");
  one!.healthy = false;
  assertEquals(choices(balancer, 3), "222");
  two!.healthy = false;
  assertEquals(choices(balancer, 4), "3434");
  one!.healthy = true;
  assertEquals(choices(balancer, 3), "111");
});

Deno.test("a primary that failed the request gives way to the backup, before it is tried again", () => {
  const balancer = new LoadBalancer(group({}, { backup: true }));
  const [one, two] = balancer.peers;
  assertEquals(choices(balancer, 2, [one!]), "22");
  assertEquals(choices(balancer, 2, [one!, two!]), "11");
});

Deno.test("a primary at its limit gives way to the backup", () => {
  const balancer = new LoadBalancer(group({ maxInFlight: 2 }, { backup: true }));
  balancer.backends[0]!.inFlight = 2;
  assertEquals(choices(balancer, 2), "22");
  balancer.backends[0]!.inFlight = 0;
  assertEquals(choices(balancer, 1), "1");
});

Deno.test("priorities are taken in their order, whatever the order of the members", () => {
  const balancer = new LoadBalancer(group({ priority: 7 }, { priority: 2 }, { priority: 0 }));
  assertEquals(choices(balancer, 2), "33");
  balancer.backends[2]!.healthy = false;
  assertEquals(choices(balancer, 2), "22");
  balancer.backends[1]!.healthy = false;
  assertEquals(choices(balancer, 2), "11");
});

Deno.test("backends of the group's own zone come first, but a primary elsewhere before a backup nearby", () => {
  const members = group({ zone: "a" }, { zone: "b" }, {}, { zone: "b", backup: true });
  const balancer = new LoadBalancer(members, { zone: "b" });
  assertEquals(choices(balancer, 2), "22");
  balancer.backends[1]!.healthy = false;
  assertEquals(choices(balancer, 4), "1313");
  balancer.backends[0]!.healthy = balancer.backends[2]!.healthy = false;
  assertEquals(choices(balancer, 2), "44");
  assertEquals(choices(new LoadBalancer(members), 3), "123", "without a zone, all are alike");
});

Deno.test("a backend of weight 0 gets nothing, not even when no other is left", () => {
  const balancer = new LoadBalancer(group({ weight: 0 }, { weight: 2 }, { weight: 1 }));
  assertEquals(tally(choices(balancer, 300)), { 2: 200, 3: 100 });
  balancer.backends[1]!.healthy = balancer.backends[2]!.healthy = false;
  let type = "";
  try {
    void balancer.select();
  } catch (error) {
    type = (error as { type: string }).type;
  }
  assertEquals(type, "no_healthy_upstream");
});

Deno.test("a primary that recovers has its clients back at once: the backup takes no part in its slow start", () => {
  const balancer = new LoadBalancer(group({}, { backup: true }), { slowStart: 60_000 });
  balancer.backends[0]!.slowUntil = performance.now() + 60_000;
  assertEquals(tally(choices(balancer, 100)), { 1: 100 });
});

Deno.test("a tier keeps its turns when one above it goes", () => {
  const members = group({}, { backup: true }, { backup: true });
  const balancer = new LoadBalancer(members);
  balancer.backends[0]!.healthy = false;
  assertEquals(choices(balancer, 1), "2");
  balancer.replace(members.slice(1));
  assertEquals(choices(balancer, 2), "32");
});

Deno.test("behind a proxy: the backup stands in for a dead primary in the same request", async () => {
  await using backup = busyOrigin("backup");
  const balancer = new LoadBalancer([
    { peer: { address: deadAddress() } },
    { peer: { address: backup.address }, backup: true },
  ]);
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  assertEquals(await ask(proxy), "200 backup");
  assertEquals((await proxy.ended(1)).attempts, 2);
});
