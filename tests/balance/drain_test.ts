import { assert, assertEquals, assertThrows } from "@std/assert";
import { type BackendEvent, LoadBalancer, ProxyError, type Session, StickySessions } from "../../src/mod.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask, askInTurn, choices, peerAt, settles } from "../support/group.ts";
import { testProxy } from "../support/proxy.ts";
import { send, valuesOf } from "../support/send.ts";
import { until } from "../support/until.ts";
import { requestText } from "../support/wire.ts";

Deno.test("a backend that drains gets no new requests, finishes what it has, and can be enabled again", async () => {
  await using one = busyOrigin("one", { held: true });
  await using two = busyOrigin("two");
  const balancer = new LoadBalancer([{ address: one.address }, { address: two.address }]);
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  const first = ask(proxy);
  await one.got(1);
  for (const admin of ["draining", "disabled"] as const) {
    assert(balancer.setAdmin(one.address, admin), "there is such a member");
    assertEquals(await askInTurn(proxy, 3), ["two", "two", "two"], admin);
  }
  one.releaseAll();
  assertEquals(await first, "200 one");
  balancer.setAdmin(one.address, "enabled");
  assertEquals((await askInTurn(proxy, 2)).sort(), ["one", "two"]);
  await settles(balancer);
});

Deno.test("when all drain there is none, and who is not a member cannot drain", () => {
  const balancer = new LoadBalancer([peerAt(1), peerAt(2)]);
  assertEquals(balancer.setAdmin("127.0.0.1:3", "disabled"), false);
  assertEquals(choices(balancer, 2), "12");
  balancer.setAdmin("127.0.0.1:1", "draining");
  balancer.setAdmin("127.0.0.1:2", "disabled");
  assertThrows(() => balancer.select(), ProxyError);
});

Deno.test("drain and enable are events with their reason, told once", () => {
  const balancer = new LoadBalancer([peerAt(1)]);
  const told: string[] = [];
  balancer.events.listen(({ type, backend, cause }: BackendEvent) =>
    told.push(`${type} ${backend.label} ${cause}`)
  );
  for (const admin of ["draining", "draining", "enabled", "enabled"] as const) {
    balancer.setAdmin("127.0.0.1:1", admin, "a deploy");
  }
  assertEquals(told, ["drained 127.0.0.1:1 a deploy", "enabled 127.0.0.1:1 a deploy"]);
});

Deno.test("a backend that drains keeps the clients that stick to it, one that is disabled does not", async () => {
  await using one = busyOrigin("one");
  await using two = busyOrigin("two");
  const balancer = new LoadBalancer([{ address: one.address }, { address: two.address }], {
    sticky: new StickySessions({ secret: "not this one, please" }),
  });
  await using proxy = testProxy({
    upstreamPeer: balancer.select,
    responseFilter: (session: Session, response) => balancer.stick(session, response),
  });
  const [cookie] = valuesOf(await send(proxy.address, requestText("GET", "/")), "set-cookie");
  const lines = `Cookie: ${cookie!.split(";")[0]}\r\n`;
  balancer.setAdmin(one.address, "draining");
  assertEquals([await ask(proxy, "/", lines), await ask(proxy)], ["200 one", "200 two"]);
  balancer.setAdmin(one.address, "disabled");
  assertEquals(await ask(proxy, "/", lines), "200 two");
});

Deno.test("a disabled backend is not checked, and is at once when it is enabled", async () => {
  let checks = 0;
  const balancer = new LoadBalancer([peerAt(1)], {
    health: { check: () => (checks++, Promise.resolve()), interval: 20 },
  });
  await using _proxy = testProxy({ upstreamPeer: balancer.select, backgroundServices: balancer.services });
  balancer.setAdmin("127.0.0.1:1", "disabled");
  await until("the first check is over", () => balancer.backends[0]!.healthy === true);
  const before = checks;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert(checks <= before + 1, `${checks - before} checks of a disabled backend`);
  const after = checks;
  balancer.setAdmin("127.0.0.1:1", "enabled");
  assertEquals(checks, after + 1);
});
