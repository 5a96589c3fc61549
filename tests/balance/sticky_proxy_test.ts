import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { LoadBalancer, type ProxyModule, StickySessions } from "../../src/mod.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { deadAddress, type Origin } from "../support/origin.ts";
import { type TestProxy, testProxy } from "../support/proxy.ts";
import { send, valuesOf } from "../support/send.ts";
import { parseMessage, requestText } from "../support/wire.ts";

const SECRET = "not this one, please";

function sticky(
  origins: readonly Pick<Origin, "address">[],
): { balancer: LoadBalancer; module: ProxyModule } {
  const balancer = new LoadBalancer(origins.map(({ address }) => ({ address })), {
    sticky: new StickySessions({ secret: SECRET, cookie: "server" }),
  });
  return {
    balancer,
    module: {
      upstreamPeer: balancer.select,
      responseFilter: (session, response) => balancer.stick(session, response),
    },
  };
}

/** Asks with a cookie; who answered, and the cookies that were set. */
async function visit(proxy: TestProxy, cookie?: string): Promise<{ body: string; set: string[] }> {
  const lines = cookie === undefined ? "" : `Cookie: a=1; server=${cookie}; b=2\r\n`;
  const text = await send(proxy.address, requestText("GET", "/", lines));
  return { body: parseMessage(text).body, set: valuesOf(text, "set-cookie") };
}

const valueOf = (set: readonly string[]) => /^server=([^;]+);/.exec(set[0]!)![1]!;

Deno.test("a client gets a cookie once, and comes back to the same backend as long as it brings it", async () => {
  await using one = busyOrigin("one");
  await using two = busyOrigin("two");
  await using proxy = testProxy(sticky([one, two]).module);
  const [first, second] = [await visit(proxy), await visit(proxy)];
  assertEquals([first.body, second.body], ["one", "two"]);
  assertMatch(first.set[0]!, /; ?HttpOnly/i);
  assertNotEquals(valueOf(first.set), valueOf(second.set));
  for (const { body, set } of [first, second]) {
    for (let i = 0; i < 5; i++) {
      assertEquals(await visit(proxy, valueOf(set)), { body, set: [] }, "the same backend, no new cookie");
    }
  }
});

Deno.test("another proxy with the same secret understands the cookie, one with another does not", async () => {
  await using one = busyOrigin("one");
  await using two = busyOrigin("two");
  await using proxy = testProxy(sticky([one, two]).module);
  await using other = testProxy(sticky([two, one]).module);
  const value = valueOf((await visit(proxy)).set);
  for (let i = 0; i < 3; i++) assertEquals(await visit(other, value), { body: "one", set: [] });
});

Deno.test("a forged cookie is ignored: the client is given one that is good", async () => {
  await using one = busyOrigin("one");
  await using two = busyOrigin("two");
  await using proxy = testProxy(sticky([one, two]).module);
  const value = valueOf((await visit(proxy)).set);
  const forged = [
    value.slice(0, -1) + (value.endsWith("A") ? "B" : "A"),
    value.slice(0, 20),
    "x",
    one.address,
  ];
  const bodies: string[] = [];
  for (const cookie of forged) {
    const { body, set } = await visit(proxy, cookie);
    bodies.push(body);
    assertEquals(set.length, 1, `a new cookie in the place of ${cookie}`);
  }
  assertEquals(bodies, ["two", "one", "two", "one"], "in turn, as if there were no cookie");
});

Deno.test("when its backend is down, a client gets another and a new cookie", async () => {
  await using one = busyOrigin("one");
  await using two = busyOrigin("two");
  const { balancer, module } = sticky([one, two]);
  await using proxy = testProxy(module);
  const value = valueOf((await visit(proxy)).set);
  balancer.backends[0]!.healthy = false;
  const moved = await visit(proxy, value);
  assertEquals([moved.body, moved.set.length], ["two", 1]);
  balancer.backends[0]!.healthy = true;
  assertEquals(await visit(proxy, valueOf(moved.set)), { body: "two", set: [] });
});

Deno.test("when its backend turns out to be dead, a client is served by another in the same request", async () => {
  await using one = busyOrigin("one");
  const dead = { address: deadAddress() };
  const { balancer, module } = sticky([one, dead]);
  await using proxy = testProxy(module);
  const cookie = new StickySessions({ secret: SECRET, cookie: "server" }).cookieFor(balancer.backends[1]!);
  const { body, set } = await visit(proxy, valueOf([cookie]));
  assertEquals([body, set.length, (await proxy.ended(1)).attempts], ["one", 1, 2]);
  assert(!cookie.includes(dead.address), "a cookie tells no address");
});

Deno.test("an answer of a hook's own, or of the proxy, sets no cookie", async () => {
  await using one = busyOrigin("one");
  const { balancer, module } = sticky([one]);
  await using proxy = testProxy({ ...module, requestFilter: () => new Response("own") });
  assertEquals(await visit(proxy), { body: "own", set: [] });
  await using failing = testProxy(module);
  balancer.backends[0]!.healthy = false;
  assertEquals((await visit(failing)).set, []);
});
