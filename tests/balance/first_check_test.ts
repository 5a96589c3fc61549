import { assertEquals } from "@std/assert";
import { LoadBalancer } from "../../src/mod.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask, settles } from "../support/group.ts";
import { testProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";

/** A check whose first result the test decides. */
function decided() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  return { check: () => promise, pass: resolve, fail: () => reject(new Error("a test")) };
}

Deno.test("the first request waits for the first check rather than being refused", async () => {
  await using origin = busyOrigin("ok");
  const { check, pass } = decided();
  const balancer = new LoadBalancer([{ address: origin.address }], {
    health: { check },
    queue: { timeout: 10_000 },
  });
  await using proxy = testProxy({ upstreamPeer: balancer.select, backgroundServices: balancer.services });
  const answer = ask(proxy);
  await until("it waits", () => proxy.counters.active === 1);
  assertEquals(origin.targets, []);
  pass();
  assertEquals(await answer, "200 ok");
  assertEquals(await ask(proxy), "200 ok");
  await settles(balancer);
});

Deno.test("who waits for the first check is refused when that fails", async () => {
  await using origin = busyOrigin("ok");
  const { check, fail } = decided();
  const balancer = new LoadBalancer([{ address: origin.address }], {
    health: { check },
    queue: { timeout: 10_000 },
  });
  await using proxy = testProxy({ upstreamPeer: balancer.select, backgroundServices: balancer.services });
  const answer = ask(proxy);
  await until("it waits", () => proxy.counters.active === 1);
  fail();
  assertEquals(await answer, "503");
  assertEquals((await proxy.ended(1)).flag, "UH");
});

Deno.test("one backend that passed its check is not kept waiting by another that hangs", async () => {
  await using origin = busyOrigin("ok");
  const { check, pass } = decided();
  const balancer = new LoadBalancer([{ address: "127.0.0.1:1" }, { address: origin.address }], {
    health: { check: (peer) => peer.address === origin.address ? Promise.resolve() : check() },
    queue: { timeout: 10_000 },
  });
  await using proxy = testProxy({ upstreamPeer: balancer.select, backgroundServices: balancer.services });
  assertEquals([await ask(proxy), await ask(proxy)], ["200 ok", "200 ok"]);
  pass();
});

Deno.test("a new backend that is trusted gets requests before its first check", async () => {
  await using origin = busyOrigin("ok");
  const { check, pass } = decided();
  const balancer = new LoadBalancer([{ address: origin.address }], { health: { check }, trustNew: true });
  await using proxy = testProxy({ upstreamPeer: balancer.select, backgroundServices: balancer.services });
  assertEquals(await ask(proxy), "200 ok");
  pass();
  await settles(balancer);
});

Deno.test("where no checks run, a backend that was never checked is used", async () => {
  await using origin = busyOrigin("ok");
  const { check, fail } = decided();
  const balancer = new LoadBalancer([{ address: origin.address }], { health: { check } });
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  assertEquals(await ask(proxy), "200 ok");
  fail();
});

Deno.test("a backend that joins takes no request before it has passed its check", async () => {
  await using one = busyOrigin("one");
  await using two = busyOrigin("two");
  const { check, pass } = decided();
  const balancer = new LoadBalancer([{ address: one.address }], {
    health: { check: (peer) => peer.address === one.address ? Promise.resolve() : check() },
  });
  await using proxy = testProxy({ upstreamPeer: balancer.select, backgroundServices: balancer.services });
  balancer.replace([{ address: one.address }, { address: two.address }]);
  assertEquals([await ask(proxy), await ask(proxy)], ["200 one", "200 one"]);
  pass();
  await until("it is up", () => balancer.backends[1]!.healthy === true);
  assertEquals([await ask(proxy), await ask(proxy)].sort(), ["200 one", "200 two"]);
});
