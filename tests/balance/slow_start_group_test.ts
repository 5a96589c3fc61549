import { assert, assertEquals } from "@std/assert";
import { LoadBalancer } from "../../src/mod.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask, choices, peerAt, tally } from "../support/group.ts";
import { testProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";

/** Long enough for time not to matter while choices are counted. */
const LONG = 1_000_000;
const CALLS = 20_000;

for (const [done, accepted] of [[0, 0.1], [0.5, 0.55], [0.9, 0.91]] as const) {
  Deno.test(`${done * 100} % into its slow start, a backend is accepted ${accepted * 100} % of the time`, () => {
    const balancer = new LoadBalancer([1, 2, 3, 4].map(peerAt), { slowStart: LONG });
    balancer.backends[0]!.slowUntil = performance.now() + LONG * (1 - done);
    const counts = tally(choices(balancer, CALLS));
    // Refused, it is the turn of the next: of every round of four choices, three and a part.
    const expected = accepted / (3 + accepted);
    const share = counts["1"]! / CALLS;
    assert(Math.abs(share - expected) < 0.02, `${share} rather than ${expected}`);
    for (const other of ["2", "3", "4"]) assert(counts[other]! / CALLS > 0.24, `${other}: ${counts[other]}`);
  });
}

Deno.test("a group in which all are in their slow start serves all the same", () => {
  const balancer = new LoadBalancer([1, 2].map(peerAt), { slowStart: LONG });
  for (const backend of balancer.backends) backend.slowUntil = performance.now() + LONG;
  assertEquals(choices(balancer, 100).length, 100);
});

Deno.test("a backend that comes up again begins slowly, one that was never down does not", async () => {
  await using one = busyOrigin("one");
  await using two = busyOrigin("two");
  let fails = false;
  const balancer = new LoadBalancer([{ address: one.address }, { address: two.address }], {
    health: {
      check: (peer) =>
        fails && peer.address === one.address ? Promise.reject(new Error("a test")) : Promise.resolve(),
      interval: 10,
      downInterval: 10,
    },
    slowStart: LONG,
  });
  await using proxy = testProxy({ upstreamPeer: balancer.select, backgroundServices: balancer.services });
  const counts = async () => tally(await Promise.all(Array.from({ length: 40 }, () => ask(proxy))));
  await until("both are up", () => balancer.backends.every(({ healthy }) => healthy));
  assertEquals(await counts(), { "200 one": 20, "200 two": 20 });
  fails = true;
  await until("it is down", () => balancer.backends[0]!.healthy === false);
  assertEquals(await counts(), { "200 two": 40 });
  fails = false;
  await until("it is up", () => balancer.backends[0]!.healthy === true);
  const { "200 one": share = 0 } = await counts();
  assert(share < 16, `${share} of 40`);
});
