import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { LoadBalancer, ProxyError } from "../../src/mod.ts";
import { WaitingLine } from "../../src/balance/waiting_line.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { ask, settles } from "../support/group.ts";
import { deadAddress } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { until } from "../support/until.ts";
import { parseMessage, requestText, valueOf, within } from "../support/wire.ts";

const LONG = 10_000;

Deno.test("who waits is served first come, first served, as far as there are places", async () => {
  const line = new WaitingLine<number>(10);
  let free = 0;
  const order: number[] = [];
  const waiting = [1, 2, 3].map((n) =>
    line.wait(() => free > 0 ? (free--, n) : undefined, LONG).then((n) => order.push(n))
  );
  free = 2;
  line.serve();
  await Promise.all(waiting.slice(0, 2));
  assertEquals([order, line.length], [[1, 2], 1]);
  free = 1;
  line.serve();
  await waiting[2];
  assertEquals([order, line.length], [[1, 2, 3], 0]);
});

Deno.test("a line has a length, and waiting has an end", async () => {
  const line = new WaitingLine<number>(1);
  const first = line.wait(() => undefined, 20);
  for (const [waiting, text] of [[line.wait(() => 1, LONG), "1 requests wait"], [first, "20 ms"]] as const) {
    const error = await assertRejects(() => waiting, ProxyError, text);
    assertInstanceOf(error, ProxyError);
    assertEquals([error.type, error.status, error.flag], ["overloaded", 503, "UO"]);
  }
  assertEquals(line.length, 0);
});

Deno.test("who gives up leaves the line at once, and whoever gave up before never joins it", async () => {
  const line = new WaitingLine<number>(1);
  const controller = new AbortController();
  const first = line.wait(() => 1, LONG, controller.signal);
  controller.abort(new Error("gone"));
  assertEquals(line.length, 0);
  await assertRejects(() => first, Error, "gone");
  await assertRejects(() => line.wait(() => 1, LONG, controller.signal), Error, "gone");
  assertEquals(line.length, 0);
});

Deno.test("one that waits in vain, or cannot be served yet, keeps no other from its turn", async () => {
  const line = new WaitingLine<number>(3);
  let free = false;
  const vain = line.wait(() => {
    throw new Error("in vain");
  }, LONG);
  const later = line.wait(() => free ? 1 : undefined, LONG);
  const now = line.wait(() => 2, LONG);
  line.serve();
  await assertRejects(() => vain, Error, "in vain");
  assertEquals([await now, line.length], [2, 1]);
  free = true;
  assertEquals(await within(later, "a place that nobody tells of"), 1);
});

Deno.test("behind a proxy: a full backend is waited for in order, and beyond the line's length it is a 503", async () => {
  await using origin = busyOrigin("ok", { held: true });
  const balancer = new LoadBalancer([{ peer: { address: origin.address }, maxInFlight: 1 }], {
    queue: { size: 3, timeout: LONG },
  });
  let asked = 0;
  await using proxy = testProxy({
    upstreamPeer: (session) => (asked++, balancer.select(session)),
  });
  const answers: Promise<string>[] = [];
  for (const n of [1, 2, 3, 4]) {
    answers.push(ask(proxy, `/${n}`));
    await until(`request ${n} has asked for an upstream`, () => asked === n);
  }
  const { status, fields } = parseMessage(await send(proxy.address, requestText("GET", "/5")));
  const entry = await proxy.ended(1);
  assertEquals([status, entry.flag, entry.attempts], [503, "UO", 0]);
  assert(Number(valueOf(fields, "retry-after")) > 0, "it says when to come back");
  for (const n of [1, 2, 3, 4]) {
    await origin.got(n);
    origin.release();
  }
  assertEquals(await Promise.all(answers), Array(4).fill("200 ok"));
  assertEquals([origin.targets, origin.most], [["/1", "/2", "/3", "/4"], 1]);
  await settles(balancer);
});

Deno.test("behind a proxy: who waited for too long gets a 503, and whoever is served takes as long as it takes", async () => {
  await using origin = busyOrigin("ok", { held: true });
  const balancer = new LoadBalancer([{ peer: { address: origin.address }, maxInFlight: 1 }], {
    queue: { timeout: 50 },
  });
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  const first = ask(proxy);
  await origin.got(1);
  assertEquals(await ask(proxy), "503");
  assertEquals((await proxy.ended(1)).flag, "UO");
  origin.release();
  assertEquals(await first, "200 ok");
  await settles(balancer);
});

Deno.test("behind a proxy: a client that leaves while it waits makes room in the line and is never sent", async () => {
  await using origin = busyOrigin("ok", { held: true });
  const balancer = new LoadBalancer([{ peer: { address: origin.address }, maxInFlight: 1 }], {
    queue: { size: 1, timeout: LONG },
  });
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  const first = ask(proxy, "/1");
  await origin.got(1);
  using leaver = await rawClient(proxy.address);
  await leaver.write(requestText("GET", "/leaver"));
  await until("it waits", () => proxy.counters.active === 2);
  leaver.close();
  assertEquals((await within(proxy.ended(1), "its leaving to be noticed")).flag, "DC");
  const third = ask(proxy, "/3");
  await until("it waits", () => proxy.counters.active === 2);
  origin.release();
  await origin.got(2);
  origin.release();
  assertEquals([await first, await third, origin.targets], ["200 ok", "200 ok", ["/1", "/3"]]);
  await settles(balancer);
});

Deno.test("behind a proxy: who waits has a backend whose ejection is over by the clock, though nothing else happens", async () => {
  await using full = busyOrigin("full", { held: true });
  await using out = busyOrigin("out");
  const balancer = new LoadBalancer([
    { peer: { address: full.address }, maxInFlight: 1 },
    { peer: { address: out.address } },
  ], { outlier: { connectFailures: 1, ejectFor: 300 }, queue: { timeout: LONG } });
  await using proxy = testProxy({ upstreamPeer: balancer.select });
  balancer.backends[1]!.outlier!.failed(new ProxyError("connect_failed", "a test"));
  const first = ask(proxy);
  await full.got(1);
  assertEquals(await within(ask(proxy), "the ejection's end"), "200 out");
  full.release();
  assertEquals(await first, "200 full");
});

Deno.test("who waits for a backend that goes down is told at once that there is none", async () => {
  const peer = { address: deadAddress() };
  const balancer = new LoadBalancer([{ peer, maxInFlight: 1 }], { queue: { timeout: LONG } });
  balancer.backends[0]!.inFlight = 1;
  const waiting = balancer.select() as Promise<unknown>;
  assert(balancer.setAdmin(peer.address, "draining"), "there is such a member");
  const error = await assertRejects(() => within(waiting, "an answer", 1_000), ProxyError);
  assertInstanceOf(error, ProxyError);
  assertEquals(error.type, "no_healthy_upstream");
});
