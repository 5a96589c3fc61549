// Finding a route among 10,000 hosts and paths.
import { type RouteMatch, Router } from "../src/proxy/router.ts";

const HOSTS = 10_000;
let sum = 0;
const headers = new Headers({ "x-version": "2" });

const byHost = new Router(
  Array.from({ length: HOSTS }, (_, i) => ({ hosts: [`site${i}.example.com`], path: "/api/*" })),
);
const byPath = new Router(
  Array.from({ length: HOSTS }, (_, i): RouteMatch => {
    const forms = [`/group${i % 100}/item${i}`, `/group${i % 100}/item${i}/*`, `/group${i}/:id/posts`];
    return { path: forms[i % 3]! };
  }),
);
const wildcards = new Router([
  ...Array.from({ length: HOSTS }, (_, i) => ({ hosts: [`*.site${i}.example.com`] })),
  { methods: ["GET"], headers: { "x-version": "2" } },
]);

function wanted(router: Router, host: string, target: string, index: number) {
  const found = router.find(host, target, "GET", headers, "public");
  if (found !== index) throw new Error(`${host}${target}: ${found} rather than ${index}`);
  return () => {
    // So that there is something to find it for.
    sum += router.find(host, target, "GET", headers, "public");
  };
}

Deno.bench("host, prefix", wanted(byHost, "Site7777.example.com:8080", "/api/users/7?page=2", 7_777));
Deno.bench("host that is not there", wanted(byHost, "other.example.com", "/api/users/7", -1));
Deno.bench("exact path", wanted(byPath, "a", "/group77/item9777", 9_777));
Deno.bench("prefix", wanted(byPath, "a", "/group78/item9778/x/y?z", 9_778));
Deno.bench("pattern", wanted(byPath, "a", "/group9779/7/posts", 9_779));
Deno.bench("wildcard, two labels deep", wanted(wildcards, "a.b.site5000.example.com", "/x", 5_000));
Deno.bench("no host, method and field", wanted(wildcards, "other.example.org", "/x", 10_000));
Deno.bench("a host of 8,000 labels", wanted(wildcards, "a.".repeat(8_000) + "org", "/x", 10_000));
Deno.bench("a path of 8,000 slashes", wanted(byPath, "a", "/".repeat(8_000), -1));
