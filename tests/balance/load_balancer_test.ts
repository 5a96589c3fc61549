import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { cannedOrigin, deadAddress } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, requestText, responseText, valueOf } from "../support/wire.ts";
import { type Backend, LoadBalancer, type Peer, type Policy, ProxyError } from "../../src/mod.ts";

const GET = requestText("GET", "/");

function peers(...ports: number[]): Peer[] {
  return ports.map((port) => ({ address: `127.0.0.1:${port}` }));
}

/** The last digits of the ports chosen, one for every call. */
function choices(balancer: LoadBalancer, calls: number, tried: readonly Peer[] = []): string {
  return Array.from({ length: calls }, () => (balancer.select({ tried }) as Peer).address.at(-1)).join("");
}

/** Marks the backends at these places as down. */
function down(balancer: LoadBalancer, ...places: number[]): void {
  for (const place of places) balancer.backends[place]!.healthy = false;
}

Deno.test("round robin takes the backends in turn", () => {
  assertEquals(choices(new LoadBalancer(peers(1, 2, 3)), 7), "1231231");
});

Deno.test("one backend gets everything", () => {
  assertEquals(choices(new LoadBalancer(peers(1)), 3), "111");
});

Deno.test("unhealthy backends are passed over, and the others share alike", () => {
  const balancer = new LoadBalancer(peers(1, 2, 3, 4));
  down(balancer, 1, 2);
  assertEquals(choices(balancer, 6), "141414");
  balancer.backends[2]!.healthy = true;
  assertEquals(choices(balancer, 6), "134134");
});

Deno.test("peers that were tried are avoided as long as another is healthy", () => {
  const all = peers(1, 2, 3);
  const balancer = new LoadBalancer(all);
  assertEquals(choices(balancer, 4, [all[0]!]), "2323");
  assertEquals(choices(balancer, 2, [all[0]!, all[1]!]), "33");
  down(balancer, 2);
  assertEquals((balancer.select({ tried: [all[0]!] }) as Peer).address, all[1]!.address);
});

Deno.test("when all healthy peers were tried, they are tried again rather than none", () => {
  const all = peers(1, 2, 3);
  const balancer = new LoadBalancer(all);
  down(balancer, 2);
  assertEquals(choices(balancer, 4, all), "1212");
});

for (const [name, list] of [["all backends are down", peers(1, 2)], ["there are no backends", []]] as const) {
  Deno.test(`when ${name}, select throws and the client gets a 503 with Retry-After`, async () => {
    const balancer = new LoadBalancer(list);
    down(balancer, ...balancer.backends.keys());
    const error = assertThrows(() => balancer.select(), ProxyError);
    assertInstanceOf(error, ProxyError);
    assertEquals([error.type, error.status], ["no_healthy_upstream", 503]);
    await using proxy = testProxy({ upstreamPeer: balancer.select });
    const { status, fields } = parseMessage(await send(proxy.address, GET));
    const entry = await proxy.ended(1);
    assertEquals([status, entry.flag, entry.attempts], [503, "UH", 0]);
    assert(Number(valueOf(fields, "retry-after")) > 0, "it says when to come back");
  });
}

Deno.test("an address that cannot be used is refused when the group is made or replaced", () => {
  assertThrows(() => new LoadBalancer([{ address: "nonsense" }]), RangeError);
  const balancer = new LoadBalancer(peers(1));
  assertThrows(() => balancer.replace([{ address: "127.0.0.1:99999" }]), RangeError);
  assertEquals(choices(balancer, 2), "11");
});

Deno.test("replace keeps what is known of the members that stay", () => {
  const balancer = new LoadBalancer(peers(1, 2, 3));
  down(balancer, 1);
  const [, second] = balancer.backends;
  balancer.replace(peers(4, 2, 1));
  assertEquals(balancer.peers.map(({ address }) => address), peers(4, 2, 1).map(({ address }) => address));
  assert(balancer.backends[1] === second, "the same backend");
  assertEquals(balancer.backends.map(({ healthy }) => healthy), [undefined, false, undefined]);
  assertEquals(choices(balancer, 4), "4141");
  balancer.replace(peers(3, 1));
  balancer.replace(peers(1, 2));
  assertEquals(balancer.backends.map(({ healthy }) => healthy), [undefined, undefined]);
});

Deno.test("replace goes by everything that makes an upstream another one", () => {
  const [peer] = peers(1) as [Peer];
  const balancer = new LoadBalancer([peer, { ...peer, tls: { serverName: "a" } }]);
  down(balancer, 0, 1);
  balancer.replace([{ ...peer }, { ...peer, tls: { serverName: "b" } }]);
  assertEquals(balancer.backends.map(({ healthy }) => healthy), [false, undefined]);
});

Deno.test("replace takes over new settings of a member that stays", () => {
  const [peer] = peers(1) as [Peer];
  const balancer = new LoadBalancer([peer]);
  down(balancer, 0);
  balancer.replace([{ ...peer, timeouts: { firstByte: 5 }, maxIdle: 1 }]);
  const [backend] = balancer.backends;
  assertEquals([backend!.healthy, backend!.peer.maxIdle, backend!.peer.timeouts?.firstByte], [false, 1, 5]);
});

Deno.test("round robin goes on after the group has shrunk", () => {
  const balancer = new LoadBalancer(peers(1, 2, 3, 4));
  assertEquals(choices(balancer, 3), "123");
  balancer.replace(peers(1, 2));
  assertEquals(choices(balancer, 4).split("").sort().join(""), "1122");
});

Deno.test("a policy of one's own chooses", () => {
  const last = (): Policy => {
    let backends: readonly Backend[] = [];
    return { update: (members) => backends = members, pick: (usable) => backends.findLast(usable) };
  };
  const balancer = new LoadBalancer(peers(1, 2, 3), { policy: last });
  assertEquals(choices(balancer, 2), "33");
  down(balancer, 2);
  assertEquals(choices(balancer, 2), "22");
});

Deno.test("behind a proxy, requests go to the origins in turn, and past a dead one at a second attempt", async () => {
  await using one = cannedOrigin(responseText("one"));
  await using two = cannedOrigin(responseText("two"));
  const balancer = new LoadBalancer(
    [one.address, deadAddress(), two.address].map((address) => ({ address })),
  );
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  const bodies: string[] = [];
  for (let i = 0; i < 4; i++) bodies.push(parseMessage(await send(proxy.address, GET)).body);
  assertEquals(bodies, ["one", "two", "one", "two"]);
  await proxy.ended(4);
  assertEquals(proxy.entries.map(({ attempts }) => attempts), [1, 2, 1, 2]);
});
