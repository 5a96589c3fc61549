/**
 * Redirections that lead to themselves.
 *
 * @module
 */
import type { RouteMatch } from "../proxy/router.ts";
import { Router } from "../proxy/router.ts";
import type { Complaint } from "./problem.ts";
import type { Config } from "./schema.ts";

/** How many redirections are followed; browsers give up at about twenty. */
const MOST = 20;

/**
 * Redirections whose client would come back for ever, found by sending one request to each and following it, as far
 * as the place it leads to is known beforehand and one of the listeners has its scheme.
 */
export function redirectLoops({ routes, listeners }: Config, matches: readonly RouteMatch[]): Complaint[] {
  const router = new Router(matches);
  const names = (scheme: string) =>
    listeners.filter(({ tls }) => (tls === undefined ? "http" : "https") === scheme)
      .map(({ name, address }) => name ?? address);
  const follow = (url: URL, listener: string): string[] | undefined => {
    const way: string[] = [];
    const seen = new Set<string>();
    for (let i = 0; i < MOST; i++) {
      if (seen.has(url.href)) return way;
      seen.add(url.href);
      const index = router.find(url.host, url.pathname, "GET", NO_FIELDS, listener);
      const to = routes[index]?.redirect?.to;
      const next = to === undefined ? undefined : expand(to, url);
      if (next === undefined) return undefined;
      way.push(url.href);
      if (next.protocol !== url.protocol) {
        const others = names(next.protocol.slice(0, -1));
        if (others.length === 0) return undefined;
        listener = others[0]!;
      }
      url = next;
    }
    return way;
  };
  return routes.flatMap(({ redirect }, i): Complaint[] => {
    if (redirect === undefined) return [];
    const { hosts: [host = "a.example"] = [], path = "/" } = matches[i]!;
    const example = `${host.replace("*", "any")}${path.replace(/\/\*$/, "/x").replaceAll(/:\w+/g, "x")}`;
    for (const { tls, name, address } of listeners) {
      const url = new URL(`${tls === undefined ? "http" : "https"}://${example}`);
      // Another route may be the one that gets it.
      if (router.find(url.host, url.pathname, "GET", NO_FIELDS, name ?? address) !== i) continue;
      const way = follow(url, name ?? address);
      if (way === undefined) continue;
      return [{
        path: ["routes", i, "redirect", "to"],
        found: `found ${JSON.stringify(redirect.to)}, which leads back: ${
          [...way.slice(0, 3), "..."].join(" -> ")
        }`,
        allowed: "another host, path or scheme",
      }];
    }
    return [];
  });
}

const NO_FIELDS = { get: () => null };

/** Where a redirection leads; undefined where that depends on what is not known. */
function expand(to: string, url: URL): URL | undefined {
  const known: Record<string, string> = {
    host: url.host,
    path: url.pathname,
    query: url.search,
    scheme: url.protocol.slice(0, -1),
    method: "GET",
  };
  const text = to.replace(/\{(\w+)\}/g, (place, name: string) => known[name] ?? place);
  if (/[{}]/.test(text)) return undefined;
  return URL.canParse(text, url) ? new URL(text, url) : undefined;
}
