/**
 * Settings that need one another, or exclude one another.
 *
 * @module
 */
import type { Complaint, Path } from "./problem.ts";

/** A mapping of the file, whatever it holds. */
export type Mapping = Readonly<Record<string, unknown>>;

/** Whether a value of the file is a mapping. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The mappings of a list, with their indices. */
export function mappingsOf(value: unknown): [number, Mapping][] {
  if (!Array.isArray(value)) return [];
  return [...value.entries()].filter((entry): entry is [number, Mapping] => isMapping(entry[1]));
}

/** The entries of a mapping that are mappings. */
export function entriesOf(value: unknown): [string, Mapping][] {
  if (!isMapping(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, Mapping] => isMapping(entry[1]));
}

/** What does not go together; looks at a file that may be wrong in other ways too. */
export function combinationComplaints(file: Mapping): Complaint[] {
  return [
    ...mappingsOf(file.listeners).flatMap(([i, listener]) => ofListener(listener, ["listeners", i])),
    ...entriesOf(file.groups).flatMap(([name, group]) => ofGroup(group, ["groups", name])),
    ...mappingsOf(file.routes).flatMap(([i, route]) => ofRoute(route, ["routes", i], file)),
    ...(isMapping(file.defaults) ? ofRules(file.defaults, ["defaults"], file) : []),
    ...(isMapping(file.admin) ? atMostOne(file.admin, ["admin"], ["token", "tokenFile"]) : []),
  ];
}

function ofListener(listener: Mapping, path: Path): Complaint[] {
  const found: Complaint[] = [];
  if (listener.front === undefined || listener.front === "serve") {
    for (const key of Object.keys(listener)) {
      if (!TCP_ONLY.includes(key)) continue;
      found.push({
        path: [...path, key],
        isKey: true,
        found: 'only the front "tcp" has it',
        hint: "add front: tcp to the listener",
      });
    }
  }
  if (listener.tls !== undefined) return found;
  return [...found, ...needs(listener, path, ["redirectHttp", "hsts"], "tls")];
}

const TCP_ONLY = [
  "proxyProtocol",
  "headTimeout",
  "idleTimeout",
  "writeTimeout",
  "minRate",
  "maxConnections",
  "maxConnectionsPerAddress",
  "maxRequests",
  "maxRequestLine",
  "maxHead",
  "maxFields",
  "http2",
  "maxStreams",
  "maxDiscard",
];

function ofGroup(group: Mapping, path: Path): Complaint[] {
  const { members, discovery, check, policy, sticky } = group;
  const found: Complaint[] = [];
  if (members === undefined && discovery === undefined) {
    found.push({ path, isKey: true, found: "it has no upstreams", allowed: "members, discovery or both" });
  } else if (Array.isArray(members) && members.length === 0 && discovery === undefined) {
    found.push({ path: [...path, "members"], found: "found an empty list", allowed: "one member at least" });
  }
  const peers: [Path, Mapping][] = [
    [path, group],
    ...mappingsOf(members).map(([i, member]): [Path, Mapping] => [[...path, "members", i], member]),
  ];
  for (const [at, peer] of peers) {
    if (peer.proxyProtocol !== undefined && (peer.protocol === "http2" || peer.protocol === "auto")) {
      found.push({
        path: [...at, "proxyProtocol"],
        isKey: true,
        found: `does not go together with protocol: ${peer.protocol}`,
      });
    }
    if (peer.backup !== undefined && peer.priority !== undefined) {
      found.push({ path: [...at, "backup"], isKey: true, found: 'does not go together with "priority"' });
    }
  }
  if (isMapping(discovery)) found.push(...exactlyOne(discovery, [...path, "discovery"], ["dns", "file"]));
  if (isMapping(check)) found.push(...atMostOne(check, [...path, "check"], ["http", "tcp"]));
  if (isMapping(check) && isMapping(check.http)) {
    const { method, body } = check.http;
    if (method === "HEAD" && body !== undefined) {
      found.push({ path: [...path, "check", "http", "body"], isKey: true, found: "a HEAD has no body" });
    }
  }
  if (isMapping(policy)) {
    const known = ["leastRequests", "peakEwma", "ringHash", "maglev"];
    found.push(...exactlyOne(policy, [...path, "policy"], known));
  }
  if (isMapping(sticky)) {
    found.push(...exactlyOne(sticky, [...path, "sticky"], ["secret", "secretFile"]));
    if (sticky.sameSite === "None" && sticky.secure !== true) {
      found.push({
        path: [...path, "sticky", "sameSite"],
        found: "found None",
        allowed: "secure: true with it",
      });
    }
  }
  return found;
}

/** What only makes sense where an upstream is asked. */
const FOR_UPSTREAMS = ["retries", "rewrite", "clientBodyTimeout"];

function ofRoute(route: Mapping, path: Path, file: Mapping): Complaint[] {
  const found = [...exactlyOne(route, path, ["to", "respond", "redirect"]), ...ofRules(route, path, file)];
  if (route.to === undefined) {
    for (const key of FOR_UPSTREAMS) {
      if (route[key] === undefined) continue;
      found.push({
        path: [...path, key],
        isKey: true,
        found: 'has no effect, as the route has no "to"',
        isWarning: true,
      });
    }
  }
  return found;
}

function ofRules(rules: Mapping, path: Path, file: Mapping): Complaint[] {
  const { rewrite, basicAuth, jwt, cors, rateLimit } = rules;
  const found: Complaint[] = [];
  if (isMapping(rewrite)) {
    const { path: whole, ...others } = rewrite;
    if (whole !== undefined) {
      for (const key of Object.keys(others)) {
        found.push({
          path: [...path, "rewrite", key],
          isKey: true,
          found: 'does not go together with "path", which replaces all of it',
        });
      }
    }
  }
  if (isMapping(basicAuth) && basicAuth.users === undefined && basicAuth.file === undefined) {
    found.push({
      path: [...path, "basicAuth"],
      isKey: true,
      found: "nobody is let in",
      allowed: "users or file",
    });
  }
  if (isMapping(jwt)) {
    found.push(...exactlyOne(jwt, [...path, "jwt"], ["key", "jwks"]));
    found.push(...atMostOne(jwt, [...path, "jwt"], ["header", "cookie"]));
  }
  if (isMapping(cors) && cors.credentials === true) {
    const origins = Array.isArray(cors.origins) ? cors.origins : [cors.origins];
    if (origins.includes("*")) {
      found.push({
        path: [...path, "cors", "credentials"],
        found: 'found true beside the origin "*"',
        allowed: "origins by name, as any site could act for its visitors otherwise",
      });
    }
  }
  if (isMapping(rateLimit) && rateLimit.shared === true && file.redis === undefined) {
    found.push({ path: [...path, "rateLimit", "shared"], found: "found true", allowed: '"redis" with it' });
  }
  return found;
}

function present(mapping: Mapping, keys: readonly string[]): string[] {
  return keys.filter((key) => mapping[key] !== undefined);
}

function exactlyOne(mapping: Mapping, path: Path, keys: readonly string[]): Complaint[] {
  const found = present(mapping, keys);
  if (found.length > 0) return tooMany(found, path, keys);
  return [{ path, isKey: true, found: "nothing is chosen", allowed: `exactly one of ${keys.join(", ")}` }];
}

function atMostOne(mapping: Mapping, path: Path, keys: readonly string[]): Complaint[] {
  return tooMany(present(mapping, keys), path, keys);
}

function tooMany([first, ...others]: string[], path: Path, keys: readonly string[]): Complaint[] {
  return others.map((key) => ({
    path: [...path, key],
    isKey: true,
    found: `does not go together with "${first}"`,
    allowed: `one of ${keys.join(", ")}`,
  }));
}

function needs(mapping: Mapping, path: Path, keys: readonly string[], needed: string): Complaint[] {
  return present(mapping, keys).filter((key) => mapping[key] !== false).map((key) => ({
    path: [...path, key],
    isKey: true,
    found: `needs "${needed}"`,
  }));
}
