import { assert, assertEquals } from "@std/assert";
import { deadAddress, httpOrigin } from "../support/origin.ts";
import { planOf, problemsOf } from "../support/plan.ts";
import { testProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";

const LISTENERS = "listeners: [{ address: 127.0.0.1:0 }]\n";
const TO_A = `groups: { a: { members: ["127.0.0.1:1"] } }\n`;

Deno.test("durations, sizes and rates come as milliseconds, bytes and for a second", async () => {
  const { listeners: [listener], routes: [route] } = await planOf(`
listeners: [{ address: 127.0.0.1:0, front: tcp, headTimeout: 250ms, idleTimeout: 1.5m, maxHead: 8KB, minRate: 100 }]
${TO_A}
routes:
  - to: a
    timeout: 2h
    clientBodyTimeout: 5000
    maxBody: 1.5MB
    rateLimit: { rate: 90/m, burst: 3 }
`);
  assertEquals(listener!.options, {
    front: "tcp",
    headTimeout: 250,
    idleTimeout: 90_000,
    maxHead: 8_192,
    minRate: 100,
  });
  assertEquals(route!.options, {
    trustedProxies: [],
    totalTimeout: 7_200_000,
    clientBodyTimeout: 5_000,
    maxRequestBody: 1_572_864,
  });
  assertEquals(route!.rules.rateLimit, { rate: 1.5, burst: 3 });
});

Deno.test("routes are in the order in which they are preferred, and the router's index is that in the list", async () => {
  const { routes, router } = await planOf(`${LISTENERS}${TO_A}
routes:
  - { to: a }
  - { match: { host: "*.example.com" }, to: a }
  - { match: { host: [b.example, A.example.com], path: /x, method: GET }, to: a }
  - { name: own, match: { path: /y/*, header: { X-Version: "2" } }, to: a }
  - { match: { path: "/*", method: POST }, to: a }
`);
  assertEquals(routes.map(({ name, index }) => `${index} ${name}`), [
    "2 GET b.example/x",
    "1 *.example.com/*",
    "3 own",
    "4 POST /*",
    "0 /*",
  ]);
  const found = router.find("a.example.com", "/x?y", "HEAD", new Headers(), "");
  assertEquals(routes[found]!.index, 2);
  assertEquals(routes[router.find("z", "/y/z", "GET", new Headers({ "x-version": "2" }), "")]!.name, "own");
});

Deno.test("routes without a name that match alike but for a field are told apart by a number", async () => {
  const { routes } = await planOf(`${LISTENERS}${TO_A}
routes: [{ match: { header: { x: "1" } }, to: a }, { match: { header: { x: "2" } }, to: a }]
`);
  assertEquals(routes.map(({ name }) => name), ["/*", "/* 2"]);
});

Deno.test("defaults hold for routes that do not say otherwise, and false turns one off", async () => {
  const { routes } = await planOf(`${LISTENERS}${TO_A}
trustedProxies: [10.0.0.0/8]
defaults: { timeout: 5s, retries: 3, allow: [10.0.0.0/8], compression: true, cors: { origins: "*" } }
routes:
  - { match: { path: /1 }, to: a, timeout: 1s }
  - { match: { path: /2 }, to: a, allow: false, compression: false, cors: { origins: https://a.example } }
`);
  assertEquals(routes.map(({ options, rules }) => ({ options, rules })), [
    {
      options: { trustedProxies: ["10.0.0.0/8"], totalTimeout: 1_000, retries: 3 },
      rules: { allow: ["10.0.0.0/8"], compression: {}, cors: { origins: ["*"] } },
    },
    {
      options: { trustedProxies: ["10.0.0.0/8"], totalTimeout: 5_000, retries: 3 },
      rules: { cors: { origins: ["https://a.example"] } },
    },
  ]);
});

Deno.test("answers, redirections, logs and HSTS come with their defaults", async () => {
  const { routes, logs, admin, redis } = await planOf(`${LISTENERS}
routes:
  - { match: { path: /1 }, respond: { body: hello } }
  - { match: { path: /2 }, redirect: { to: "https://{host}{path}" } }
logs: { level: warn, access: { status: [5xx, 404], slowerThan: 1s } }
admin: { listen: 127.0.0.1:0 }
redis: { url: redis://127.0.0.1:6379 }
`);
  assertEquals(routes.map(({ action }) => action), [
    { kind: "respond", status: 200, headers: {}, body: "hello" },
    { kind: "redirect", to: "https://{host}{path}", status: 308 },
  ]);
  assertEquals(logs, { level: "warn", access: { format: "common", status: "5xx,404", slowerThan: 1_000 } });
  assertEquals(admin, { listen: "127.0.0.1:0", token: undefined, hosts: [] });
  assertEquals(redis, { url: "redis://127.0.0.1:6379", prefix: "postern:" });
});

Deno.test("a group spreads requests by its weights and its policy", async () => {
  await using one = httpOrigin(() => new Response("one"));
  await using two = httpOrigin(() => new Response("two"));
  const { groups } = await planOf(`${LISTENERS}
groups:
  both:
    members: ["${one.address}", { address: "${two.address}", weight: 3 }]
    check: false
routes: [{ to: both }]
`);
  const group = groups.get("both")!;
  assertEquals(group.services, []);
  await using proxy = testProxy({ upstreamPeer: group.balancer.select });
  const answers: string[] = [];
  for (let i = 0; i < 8; i++) answers.push(await (await fetch(proxy.url)).text());
  assertEquals(answers.toSorted(), ["one", "one", ...Array(6).fill("two")]);
});

Deno.test("a group asks its members by HTTP where it is told to, and leaves out who does not pass", async () => {
  await using good = httpOrigin((request) => new Response(new URL(request.url).pathname));
  await using bad = httpOrigin(() => new Response("no", { status: 500 }));
  const { groups } = await planOf(`${LISTENERS}
groups:
  both:
    members: ["${good.address}", "${bad.address}"]
    check: { http: { path: /healthz, body: healthz }, interval: 20ms, timeout: 5s }
    queue: { timeout: 10s }
routes: [{ to: both }]
`);
  const { balancer, services } = groups.get("both")!;
  await using proxy = testProxy({ upstreamPeer: balancer.select, backgroundServices: services });
  await until("both were checked", () => balancer.backends.every(({ healthy }) => healthy !== undefined));
  assertEquals(balancer.backends.map(({ healthy }) => healthy), [true, false]);
  for (let i = 0; i < 4; i++) assertEquals(await (await fetch(`${proxy.url}/x`)).text(), "/x");
});

Deno.test("a policy that hashes keeps clients of the same key at a member", async () => {
  await using one = httpOrigin(() => new Response("one"));
  await using two = httpOrigin(() => new Response("two"));
  const { groups } = await planOf(`${LISTENERS}
groups:
  both: { members: ["${one.address}", "${two.address}"], policy: { ringHash: { key: "header:x-user" } }, check: false }
routes: [{ to: both }]
`);
  await using proxy = testProxy({ upstreamPeer: groups.get("both")!.balancer.select });
  const ask = async (user: string) => await (await fetch(proxy.url, { headers: { "x-user": user } })).text();
  const first = new Map<string, string>();
  for (let i = 0; i < 20; i++) first.set(`user${i}`, await ask(`user${i}`));
  for (const [user, answer] of first) assertEquals(await ask(user), answer);
  assertEquals(new Set(first.values()).size, 2);
});

Deno.test("settings of a group hold for its members, unless they have their own", async () => {
  const { groups } = await planOf(`${LISTENERS}
groups:
  a:
    members:
      - 127.0.0.1:1
      - { address: 127.0.0.1:2, tls: false, timeouts: { connect: 7s }, zone: here, maxInFlight: 3, backup: true }
    tls: { serverName: a.example, verifyName: false }
    timeouts: { firstByte: 1s }
    maxIdle: 5
    proxyProtocol: 2
    sticky: { secret: 0123456789abcdef, maxAge: 1h }
routes: [{ to: a }]
`);
  const group = groups.get("a")!;
  assert(group.isSticky);
  const [first, second] = group.balancer.backends;
  assertEquals({ ...first!.peer }, {
    address: "127.0.0.1:1",
    tls: { serverName: "a.example", verifyName: false },
    timeouts: { firstByte: 1_000 },
    maxIdle: 5,
    proxyProtocol: 2,
  });
  assertEquals({ ...second!.peer }, {
    address: "127.0.0.1:2",
    timeouts: { connect: 7_000 },
    maxIdle: 5,
    proxyProtocol: 2,
  });
  assertEquals([second!.zone, second!.maxInFlight, second!.priority], ["here", 3, 1]);
});

Deno.test("what a group itself refuses is told at its name", async () => {
  const problems = await problemsOf(`${LISTENERS}
groups:
  a: { members: ["${deadAddress()}"], policy: { maglev: { tableSize: 4 } } }
routes: [{ to: a }]
`);
  assertEquals(problems.length, 1);
  assert(/^postern\.yaml:4:3: groups\.a: .*tableSize/.test(problems[0]!), problems[0]);
});
