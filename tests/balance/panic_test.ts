import { assert, assertEquals, assertThrows } from "@std/assert";
import { LoadBalancer, type Member, ProxyError } from "../../src/mod.ts";
import { choices, peerAt, tally } from "../support/group.ts";

function group(n: number, panic: number, ...more: Member[]): LoadBalancer {
  return new LoadBalancer([...Array.from({ length: n }, (_, i) => peerAt(i + 1)), ...more], { panic });
}

/** Marks as down the first so many. */
function down(balancer: LoadBalancer, n: number): void {
  for (const [i, backend] of balancer.backends.entries()) backend.healthy = i >= n;
}

Deno.test("without panic, the last healthy backend gets everything, and then there is none", () => {
  const balancer = group(4, 0);
  down(balancer, 3);
  assertEquals(choices(balancer, 3), "444");
  down(balancer, 4);
  assertThrows(() => balancer.select(), ProxyError);
});

Deno.test("when no more than the share is healthy, health is not heeded", () => {
  const balancer = group(4, 0.5);
  down(balancer, 1);
  assertEquals(tally(choices(balancer, 6)), { 2: 2, 3: 2, 4: 2 });
  for (const n of [2, 3, 4]) {
    down(balancer, n);
    assertEquals(tally(choices(balancer, 8)), { 1: 2, 2: 2, 3: 2, 4: 2 }, `${n} down`);
  }
  down(balancer, 1);
  assertEquals(tally(choices(balancer, 6)), { 2: 2, 3: 2, 4: 2 }, "it is over");
});

Deno.test("in a panic, an operator is heeded all the same, and so are limits and what was tried", () => {
  const balancer = group(4, 0.5);
  down(balancer, 4);
  balancer.setAdmin("127.0.0.1:1", "draining");
  balancer.backends[1]!.maxInFlight = balancer.backends[1]!.inFlight = 1;
  assertEquals(tally(choices(balancer, 4)), { 3: 2, 4: 2 });
  assertEquals(tally(choices(balancer, 4, [balancer.peers[2]!])), { 4: 4 });
  assertEquals(tally(choices(balancer, 4, balancer.peers)), { 3: 2, 4: 2 });
});

Deno.test("a healthy backup comes before panic", () => {
  const balancer = group(2, 0.5, { peer: peerAt(9), backup: true });
  down(balancer, 2);
  assertEquals(choices(balancer, 3), "999");
  balancer.backends[2]!.healthy = false;
  assertEquals(tally(choices(balancer, 4)), { 1: 2, 2: 2 });
});

Deno.test("a request that all full backends keep waiting in a panic does wait", async () => {
  const balancer = group(1, 1);
  const [backend] = balancer.backends;
  backend!.healthy = false;
  backend!.maxInFlight = backend!.inFlight = 1;
  const waiting = balancer.select();
  assert(waiting instanceof Promise);
  backend!.inFlight = 0;
  assertEquals((await waiting).address, "127.0.0.1:1");
  balancer.begun(backend!, true);
  balancer.ended();
});

Deno.test("a large group finds out within a moment that there is reason to panic", async () => {
  const balancer = group(100, 0.5);
  assertEquals(new Set(choices(balancer, 100)).size, 10);
  down(balancer, 99);
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert(tally(choices(balancer, 100))["9"]! < 50, "all get some");
});
