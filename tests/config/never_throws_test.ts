// Whatever a file says, it is either used or told what is wrong with it, a line each: nothing else is ever thrown.
import { assert } from "@std/assert";
import { parse, stringify } from "@std/yaml";
import { problemsOf } from "../support/plan.ts";
import { Random } from "../support/random.ts";

const GOOD = `
listeners:
  - { address: "127.0.0.1:0", name: public, front: tcp, headTimeout: 5s, proxyProtocol: [10.0.0.0/8] }
groups:
  api:
    members: ["127.0.0.1:1", { address: "127.0.0.1:2", weight: 2, labels: { a: b } }]
    policy: { ringHash: { key: "header:x-user" } }
    check: { http: { path: /healthz, tls: false }, interval: 2s }
    tls: { serverName: a.example }
    outlier: { errors: 3 }
    sticky: { secret: [0123456789abcdef] }
  found: { discovery: { dns: { name: a.example, port: 80 } } }
defaults: { timeout: 5s, compression: { encodings: [br] } }
routes:
  - match: { host: [a.example, "*.b.example"], path: /users/:id, method: GET, header: { x-a: "1" }, listener: public }
    to: api
    headers: { request: { set: { x-b: "{client}" } } }
    rewrite: { stripPrefix: /users }
    cors: { origins: https://a.example, credentials: true }
    jwt: { jwks: "https://id.example/keys", claims: { role: admin } }
  - { match: { path: /old }, redirect: { to: "https://{host}/new" } }
  - { to: found, hooks: [], rateLimit: { rate: 10/s } }
admin: { listen: "127.0.0.1:0", token: 0123456789abcdef }
logs: { level: info, access: { format: json, status: [5xx, 404] } }
redis: { url: "redis://127.0.0.1:6379" }
trustedProxies: [10.0.0.0/8]
`;

const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e300,
    "",
    "x",
    "*",
    "/",
    ":",
    "{}",
    "\u0000",
    "a".repeat(300),
    "constructor",
  ],
  ...[
    [],
    {},
    [null],
    [[]],
    [{}],
    { x: null },
    { constructor: 1 },
    { toString: {} },
    ["127.0.0.1:1"],
    "5s",
    "/a/*",
  ],
];

/** Replaces, doubles or takes out something in a value, anywhere in it. */
function change(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.once(6)) {
    return structuredClone(random.pick(VALUES));
  }
  if (Array.isArray(value)) {
    const at = random.below(value.length);
    if (random.once(4)) return [...value, ...value.slice(0, 1)];
    return value.map((item, i) => i === at ? change(item, random) : item);
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return { x: 1 };
  const [key] = random.pick(entries);
  if (random.once(6)) return Object.fromEntries(entries.filter(([name]) => name !== key));
  if (random.once(8)) return { ...value, [`${key}x`]: random.pick(VALUES) };
  return { ...value, [key]: change((value as Record<string, unknown>)[key], random) };
}

Deno.test("a configuration changed at random is used or told what is wrong with it, and nothing is thrown", async () => {
  const random = new Random(7);
  const good = parse(GOOD);
  assert((await problemsOf(GOOD)).length === 0, (await problemsOf(GOOD)).join("\n"));
  let bad = 0;
  for (let i = 0; i < 1_500; i++) {
    let changed = good;
    for (let n = random.below(4); n >= 0; n--) changed = change(changed, random);
    const text = stringify(changed, { useAnchors: false });
    const problems = await problemsOf(text);
    if (problems.length > 0) bad++;
    for (const line of problems) {
      assert(/^postern\.yaml:\d+:\d+: /.test(line), `${line}\n${text}`);
      assert(!/Invalid|Too (?:small|big)|undefined|\[object/.test(line), `${line}\n${text}`);
    }
  }
  assert(bad > 1_000, `${bad} were bad`);
});
