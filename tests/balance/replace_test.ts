import { assert, assertEquals } from "@std/assert";
import { leastRequests, LoadBalancer } from "../../src/mod.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask, askInTurn, peerAt, settles, tally } from "../support/group.ts";
import { testProxy } from "../support/proxy.ts";

Deno.test("members can be replaced under load: no request fails, and those that stay keep what they have", async () => {
  await using stays = busyOrigin("stays");
  await using goes = busyOrigin("goes");
  await using comes = busyOrigin("comes");
  const member = (address: string) => ({ peer: { address }, maxInFlight: 8 });
  const before = [member(stays.address), member(goes.address)];
  const after = [member(comes.address), member(stays.address)];
  const balancer = new LoadBalancer(before, { queue: { size: 1_000, timeout: 10_000 } });
  const [kept] = balancer.backends;
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  const clients = Array.from({ length: 10 }, async () => {
    const answers: string[] = [];
    for (let i = 0; i < 40; i++) {
      if (i % 4 === 0) balancer.replace(i % 8 === 0 ? after : before);
      answers.push(await ask(proxy));
    }
    return answers;
  });
  const counts = tally((await Promise.all(clients)).flat());
  assertEquals(Object.keys(counts).sort(), ["200 comes", "200 goes", "200 stays"]);
  assert(balancer.backends.includes(kept!), "the backend is the same");
  assertEquals(kept!.requests, counts["200 stays"], "it counts on");
  assertEquals(kept!.requests, stays.targets.length);
  assert(stays.connections <= 10, `connections are used again: ${stays.connections} were made`);
  await settles(balancer);
});

Deno.test("a member that stays uses its pooled connection, whatever of its settings changed", async () => {
  await using origin = busyOrigin("ok");
  const peer = { address: origin.address };
  const balancer = new LoadBalancer([peer]);
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  const sets = [[{ ...peer }], [{ peer, weight: 3 }], [
    { ...peer, timeouts: { firstByte: 5_000 } },
    peerAt(1),
  ]];
  for (const members of sets) {
    assertEquals(await ask(proxy), "200 ok");
    balancer.replace(members);
  }
  assertEquals(await ask(proxy), "200 ok");
  assertEquals([origin.connections, balancer.backends[0]!.requests], [1, 4]);
});

Deno.test("a member that goes finishes what it has, and its place is nobody's", async () => {
  await using old = busyOrigin("old", { held: true });
  await using fresh = busyOrigin("fresh");
  const balancer = new LoadBalancer([{ address: old.address }]);
  const [backend] = balancer.backends;
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  const first = ask(proxy);
  await old.got(1);
  balancer.replace([{ address: fresh.address }]);
  assertEquals(await askInTurn(proxy, 2), ["fresh", "fresh"]);
  assertEquals([balancer.inFlight, backend!.inFlight], [1, 1]);
  old.release();
  assertEquals(await first, "200 old");
  await settles(balancer);
  assertEquals(backend!.inFlight, 0);
});

Deno.test("who waits for a full backend gets one that joins", async () => {
  await using full = busyOrigin("full", { held: true });
  await using fresh = busyOrigin("fresh");
  const members = [{ peer: { address: full.address }, maxInFlight: 1 }];
  const balancer = new LoadBalancer(members, { queue: { timeout: 10_000 } });
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  const first = ask(proxy);
  await full.got(1);
  const second = ask(proxy);
  balancer.replace([...members, { address: fresh.address }]);
  assertEquals(await second, "200 fresh");
  full.release();
  assertEquals(await first, "200 full");
});

Deno.test("a peer that was tried counts as tried after a replacement by its like", () => {
  const balancer = new LoadBalancer([peerAt(1), peerAt(2)]);
  const tried = balancer.peers.slice(0, 1);
  balancer.replace([peerAt(1), peerAt(2)]);
  for (let i = 0; i < 4; i++) {
    assertEquals((balancer.select({ tried }) as { address: string }).address, "127.0.0.1:2");
  }
});

Deno.test("who joins, goes and stays is told of: only the first two", () => {
  const balancer = new LoadBalancer([peerAt(1), peerAt(2)]);
  const told: string[] = [];
  balancer.events.listen(({ type, backend }) => told.push(`${type} ${backend.label.at(-1)}`));
  balancer.replace([peerAt(2), peerAt(3)]);
  assertEquals(told, ["added 3", "removed 1"]);
});

Deno.test("a group that takes another's place knows what was known of the members that both have", async () => {
  await using stays = busyOrigin("stays");
  const before = new LoadBalancer([{ address: stays.address }, peerAt(1)]);
  await using first = testProxy({ upstreamPeer: before.select });
  const [kept, gone] = before.backends;
  kept!.healthy = true;
  gone!.healthy = false;
  before.setAdmin(peerAt(1).address, "draining");
  assertEquals(await ask(first), "200 stays");
  const after = new LoadBalancer(
    [peerAt(2), { address: stays.address }],
    { policy: leastRequests(), outlier: {} },
  );
  after.inherit(before);
  await using second = testProxy({ upstreamPeer: after.select });
  assertEquals(after.backends.map(({ healthy }) => healthy), [undefined, true]);
  assert(after.backends[1] === kept, "the backend is the same");
  assert(kept!.outlier !== undefined, "it has the guards of the new group");
  after.setAdmin(peerAt(2).address, "disabled");
  assertEquals(await ask(second), "200 stays");
  assertEquals([kept!.requests, after.inFlight, before.inFlight], [2, 0, 0]);
});
