// Random routes and requests: the router's maps have to find what looking at every route would.
import { assertEquals } from "@std/assert";
import { type RouteMatch, Router } from "../../src/proxy/router.ts";
import { Random } from "../support/random.ts";

const HOSTS = ["a.example", "b.example", "*.example", "*.b.example", "*"];
const PATHS = [
  "/",
  "/*",
  "/a",
  "/a/*",
  "/a/b",
  "/a/b/*",
  "/:x",
  "/:x/b",
  "/a/:x",
  "/a/:x/*",
  "/a/c:x",
  "/:x/:y",
];
const METHODS = [["GET"], ["POST"], ["GET", "POST"]];
const TARGETS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/a/cc", "/b", "/b/b", "/b/", "//", "/a?b", "/ab"];
const REQUEST_HOSTS = ["a.example", "b.example:80", "C.example", "x.b.example", "example", "other"];

function randomRoute(random: Random): RouteMatch {
  return {
    ...(random.once(3) ? {} : { hosts: [random.pick(HOSTS), random.pick(HOSTS)].slice(random.below(2)) }),
    ...(random.once(5) ? {} : { path: random.pick(PATHS) }),
    ...(random.once(3) ? { methods: random.pick(METHODS) } : {}),
    ...(random.once(4) ? { headers: { "x-a": random.pick(["1", "*"]) } } : {}),
    ...(random.once(5) ? { listener: "one" } : {}),
  };
}

/** How much is said of a host that matches; -1 when it does not. */
function hostRank(pattern: string, host: string): number {
  if (pattern === "*") return 0;
  if (pattern.startsWith("*.")) return host.endsWith(pattern.slice(1)) ? pattern.length : -1;
  return pattern === host ? 1_000 : -1;
}

function pathMatches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const open = wanted.at(-1) === "*";
  if (open) wanted.pop();
  const given = path.split("/");
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((segment, i) => {
    const colon = segment.indexOf(":");
    if (colon < 0) return segment === given[i];
    return given[i]!.startsWith(segment.slice(0, colon)) && given[i]!.length > colon;
  });
}

/** What is preferred, the most important first; the smaller, the better. */
function preference({ path = "", methods, headers = {}, listener }: RouteMatch, rank: number): number[] {
  const isPattern = path.includes(":");
  const isExact = path !== "" && !isPattern && !path.endsWith("*");
  const letters = path.replace(/\*$/, "").replace(/:\w+/g, "").length;
  const conditions = Object.keys(headers).length + (methods ? 1 : 0) + (listener ? 1 : 0);
  return [-rank, isExact ? 0 : 1, -letters, isPattern ? 0 : 1, -conditions];
}

function slowly(
  routes: RouteMatch[],
  host: string,
  target: string,
  method: string,
  headers: Headers,
): number {
  const path = target.split("?")[0]!;
  const plain = host.toLowerCase().replace(/:\d+$/, "");
  const matching = routes.flatMap((route, index) => {
    const { hosts = ["*"], methods, headers: fields = {}, listener } = route;
    const rank = Math.max(...hosts.map((pattern) => hostRank(pattern, plain)));
    const matches = rank >= 0 && (route.path === undefined || pathMatches(route.path, path)) &&
      (methods === undefined || methods.includes(method) || (method === "HEAD" && methods.includes("GET"))) &&
      Object.entries(fields).every(([name, value]) =>
        headers.has(name) && (value === "*" || headers.get(name) === value)
      ) && (listener === undefined || listener === "one");
    return matches ? [{ index, preference: preference(route, rank) }] : [];
  });
  matching.sort((a, b) => {
    const at = a.preference.findIndex((value, i) => value !== b.preference[i]);
    return at < 0 ? a.index - b.index : a.preference[at]! - b.preference[at]!;
  });
  return matching[0]?.index ?? -1;
}

Deno.test("the router finds the route that looking at all of them finds", () => {
  const random = new Random(6);
  let found = 0;
  for (let round = 0; round < 300; round++) {
    const routes = Array.from({ length: 1 + random.below(20) }, () => randomRoute(random));
    const router = new Router(routes);
    for (let i = 0; i < 30; i++) {
      const host = random.pick(REQUEST_HOSTS);
      const target = random.pick(TARGETS);
      const method = random.pick(["GET", "HEAD", "POST", "PUT"]);
      const headers = new Headers(random.once(2) ? { "x-a": random.pick(["1", "2"]) } : {});
      const index = router.find(host, target, method, headers, "one");
      const expected = slowly(routes, host, target, method, headers);
      assertEquals(index, expected, JSON.stringify({ routes, host, target, method, headers: [...headers] }));
      if (index >= 0) found++;
    }
  }
  assertEquals(found > 3_000, true, `${found} found`);
});
