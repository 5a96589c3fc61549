import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ProxyModule, Session } from "../../src/mod.ts";
import { HeaderList } from "../../src/http/headers.ts";
import { compose } from "../../src/rules/compose.ts";
import { type LimitStore, LocalLimits, verdict } from "../../src/rules/limits.ts";
import { rateLimit, type RateLimitOptions } from "../../src/rules/rate_limit.ts";
import { respond } from "../../src/rules/respond.ts";
import { cannedOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { requestText, responseText } from "../support/wire.ts";

/** A store on a clock that stands still. */
const still = () => new LocalLimits({ now: () => 0 });

function limited(options: RateLimitOptions, last: ProxyModule = respond({ body: "in" }), store = still()) {
  return testProxy(compose([rateLimit(options, { route: "r", store }), last]));
}

Deno.test("requests beyond the rate get 429 and when to come again; the others are told what is left", async () => {
  await using origin = cannedOrigin(responseText("hi", 'RateLimit: "theirs";r=1\r\n'));
  await using proxy = limited({ rate: 0.1, burst: 2 }, { upstreamPeer: () => ({ address: origin.address }) });
  const ask = () => send(proxy.address, requestText("GET", "/"));
  const answers = [await ask(), await ask(), await ask()];
  assertEquals(answers.map(statusOf), [200, 200, 429]);
  assertEquals(answers.map((answer) => valuesOf(answer, "ratelimit")), [
    ['"theirs";r=1', '"client";r=1;t=10'],
    ['"theirs";r=1', '"client";r=0;t=20'],
    ['"client";r=0;t=20'],
  ]);
  assertEquals(answers.map((answer) => valuesOf(answer, "retry-after")), [[], [], ["10"]]);
  assertEquals(valuesOf(answers[2]!, "ratelimit-policy"), ['"client";q=2;w=20']);
  assertEquals(valuesOf(answers[0]!, "ratelimit-policy"), []);
});

Deno.test("answers of rules further on tell what is left too", async () => {
  await using proxy = limited({ rate: 10 });
  const answer = await send(proxy.address, requestText("GET", "/"));
  assertEquals(valuesOf(answer, "ratelimit"), ['"client";r=9;t=1']);
});

Deno.test("a store that takes its time is waited for", async () => {
  const local = still();
  const store: LimitStore = { take: (...args) => Promise.resolve(local.take(...args)) };
  await using proxy = testProxy(compose([rateLimit({ rate: 1 }, { route: "r", store }), respond({})]));
  const ask = async () => statusOf(await send(proxy.address, requestText("GET", "/")));
  assertEquals([await ask(), await ask()], [200, 429]);
});

/** The keys that a limit asks its store for. */
function keysOf(key: string, requests: { address?: string; fields?: [string, string][] }[]): string[] {
  const keys: string[] = [];
  const store: LimitStore = { take: (key, rate, burst) => (keys.push(key), verdict(0, rate, burst)) };
  const rule = rateLimit({ key, rate: 1 }, { route: "r", store });
  for (const { address = "192.0.2.1", fields = [] } of requests) {
    const headers = new HeaderList([["host", "A.example"], ...fields]);
    const session = { id: "1", clientAddress: address, request: { method: "GET", target: "/", headers } };
    rule.requestFilter!(session as unknown as Session, rule.newContext!() as { field: string });
  }
  return keys;
}

Deno.test("whose requests are counted together", () => {
  const addresses = [
    "192.0.2.1",
    "::ffff:192.0.2.1",
    "2001:db8:1:2:3::4",
    "2001:db8:1:2:ffff::",
    "2001:db8:1:3::",
  ];
  assertEquals(
    keysOf("client", addresses.map((address) => ({ address }))),
    ["r 192.0.2.1", "r 192.0.2.1", "r 2001:db8:1:2::/64", "r 2001:db8:1:2::/64", "r 2001:db8:1:3::/64"],
  );
  assertEquals(keysOf("host", [{}]), ["r a.example"]);
  assertEquals(keysOf("route", [{}, { address: "::1" }]), ["r ", "r "]);
  assertEquals(
    keysOf("header:x-key", [{ fields: [["X-Key", "k"]] }, {}]),
    ["r value k", "r client 192.0.2.1"],
  );
  assertEquals(
    keysOf("cookie:sid", [{ fields: [["cookie", "a=b; sid=s"]] }, {}]),
    ["r value s", "r client 192.0.2.1"],
  );
  assertThrows(() => keysOf("header:", []), RangeError, "cookie:NAME");
});

Deno.test("long keys take no more memory than short ones, and stay apart", () => {
  const long = (end: string): { fields: [string, string][] } => ({
    fields: [["x-key", "k".repeat(5_000) + end]],
  });
  const [a, b, again] = keysOf("header:x-key", [long("a"), long("b"), long("a")]);
  assert(a!.length < 100, a);
  assert(a !== b && a === again);
});
