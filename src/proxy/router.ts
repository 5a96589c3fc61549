/**
 * Finding the route of a request.
 *
 * @module
 */
import { type RoutePath, routePath } from "./route_path.ts";

/** Which requests a route is for; what is left out allows everything. */
export interface RouteMatch {
  /** Names, such as `example.com`, or `*.example.com` for all below a name; without port. */
  readonly hosts?: readonly string[];
  /** A path in one of the forms of {@linkcode routePath}. */
  readonly path?: string;
  /** Methods; `GET` is for HEAD too. */
  readonly methods?: readonly string[];
  /** Fields that have to have these values, or any value where it is `*`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The name of the listener. */
  readonly listener?: string;
}

/** The fields of a request, as far as a router needs them. */
export interface RoutedFields {
  /** The value of a field, or null. */
  get(name: string): string | null;
}

/** A route, ready to be held against requests. */
interface Entry {
  /** Its index in the list that the router was made of. */
  readonly index: number;
  /** Its place in the order of preference; unique. */
  rank: number;
  readonly path: RoutePath;
  readonly methods: ReadonlySet<string> | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly listener: string | undefined;
}

/** The routes of one host. */
interface PathTable {
  readonly exact: Map<string, Entry[]>;
  /** Prefixes and patterns, by their key. */
  readonly below: Map<string, Entry[]>;
  /** The most slashes in a key of `below`. */
  depth: number;
}

const ANY_PATH: RoutePath = { kind: "prefix", key: "", literal: 0, regexp: undefined };

/**
 * Finds the route of a request: of those that match, the first in this order.
 *
 * 1. An exact host, then `*.host` with the longer name first, then any host.
 * 2. An exact path, then the path with more characters that do not stand for something; of equals, a pattern ahead of
 *    a prefix.
 * 3. More conditions ahead of fewer: a listener, methods, fields.
 * 4. The order of the list.
 *
 * Hosts and paths are looked up in maps: what a request costs depends on the segments of its path, not on the number of
 * routes. A request whose host has routes of which none matches goes on to the wildcards, and then to those for any host.
 *
 * @example
 * ```ts
 * import { Router } from "./router.ts";
 * const router = new Router([{ path: "/*" }, { hosts: ["api.example.com"], path: "/users/:id" }]);
 * router.find("api.example.com", "/users/7", "GET", new Headers(), ""); // 1
 * ```
 */
export class Router {
  /** The indices of the routes, those that are preferred first. A route with several hosts is where its best one is. */
  readonly order: readonly number[];
  readonly #hosts = new Map<string, PathTable>();
  /** By what follows the star, its dot included. */
  readonly #wildcards = new Map<string, PathTable>();
  /** The length of the longest key of `#wildcards`. */
  #longest = 0;
  readonly #any = pathTable();

  /**
   * A router for these routes.
   *
   * @throws {RangeError} when a path cannot be used
   */
  constructor(routes: readonly RouteMatch[]) {
    const entries = routes.map(toEntry);
    const best = new Map<Entry, number>();
    for (const [i, match] of routes.entries()) {
      best.set(entries[i]!, Math.min(...hostsOf(match).map(hostClass)));
    }
    const sorted = entries.toSorted((a, b) => best.get(a)! - best.get(b)! || preference(a, b));
    this.order = sorted.map(({ index }) => index);
    for (const [rank, entry] of entries.toSorted(preference).entries()) entry.rank = rank;
    for (const entry of entries.toSorted((a, b) => a.rank - b.rank)) {
      for (const host of hostsOf(routes[entry.index]!)) this.#tableOf(host, entry);
    }
  }

  /**
   * The index of the route, or -1 when there is none.
   *
   * @param host As in the request, in any case, with or without a port.
   * @param target In its normal form; the query does not matter.
   */
  find(host: string, target: string, method: string, headers: RoutedFields, listener: string): number {
    const query = target.indexOf("?");
    const path = query < 0 ? target : target.slice(0, query);
    if (this.#hosts.size > 0 || this.#wildcards.size > 0) {
      const name = plainHost(host);
      let found = findIn(this.#hosts.get(name), path, method, headers, listener);
      if (found >= 0) return found;
      if (this.#wildcards.size > 0) {
        // No longer suffixes than there are: a host of a thousand dots costs no more than one of few.
        const start = Math.max(name.length - this.#longest, 0);
        for (let dot = name.indexOf(".", start); dot >= 0; dot = name.indexOf(".", dot + 1)) {
          found = findIn(this.#wildcards.get(name.slice(dot)), path, method, headers, listener);
          if (found >= 0) return found;
        }
      }
    }
    return findIn(this.#any, path, method, headers, listener);
  }

  #tableOf(host: string, entry: Entry): void {
    if (host.startsWith("*.")) this.#longest = Math.max(this.#longest, host.length - 1);
    const table = host === "*"
      ? this.#any
      : host.startsWith("*.")
      ? tableIn(this.#wildcards, host.slice(1))
      : tableIn(this.#hosts, host);
    const { kind, key } = entry.path;
    if (kind === "exact") return listIn(table.exact, key, entry);
    listIn(table.below, key, entry);
    table.depth = Math.max(table.depth, key.split("/").length - 1);
  }
}

/** The host of a request as routes have it: lower case, no port, no dot at the end. */
export function plainHost(host: string): string {
  let end = host.length;
  if (host.endsWith("]")) return host.toLowerCase();
  const colon = host.lastIndexOf(":");
  if (colon >= 0) end = colon;
  if (host[end - 1] === ".") end--;
  return (end === host.length ? host : host.slice(0, end)).toLowerCase();
}

function findIn(
  table: PathTable | undefined,
  path: string,
  method: string,
  headers: RoutedFields,
  listener: string,
): number {
  if (table === undefined) return -1;
  const exact = table.exact.get(path);
  if (exact !== undefined) {
    for (const entry of exact) if (holds(entry, path, method, headers, listener)) return entry.index;
  }
  let best: Entry | undefined;
  // From the root down, no deeper than the deepest key: a path of a thousand slashes costs no more than one of few.
  let slash = 0;
  for (let depth = 0; depth <= table.depth; depth++) {
    const list = table.below.get(slash < 0 ? path : path.slice(0, slash));
    if (list !== undefined) {
      for (const entry of list) {
        if (best !== undefined && best.rank < entry.rank) break;
        if (holds(entry, path, method, headers, listener)) {
          best = entry;
          break;
        }
      }
    }
    if (slash < 0) break;
    slash = path.indexOf("/", slash + 1);
  }
  return best === undefined ? -1 : best.index;
}

function holds(entry: Entry, path: string, method: string, headers: RoutedFields, listener: string): boolean {
  if (entry.listener !== undefined && entry.listener !== listener) return false;
  if (entry.methods !== undefined && !entry.methods.has(method)) return false;
  if (entry.path.regexp !== undefined && !entry.path.regexp.test(path)) return false;
  for (const [name, value] of entry.headers) {
    const found = headers.get(name);
    if (found === null || (value !== "*" && found !== value)) return false;
  }
  return true;
}

function toEntry({ path, methods, headers = {}, listener }: RouteMatch, index: number): Entry {
  const allowed = methods && new Set(methods);
  if (allowed?.has("GET")) allowed.add("HEAD");
  return {
    index,
    rank: 0,
    path: path === undefined ? ANY_PATH : routePath(path),
    methods: allowed,
    headers: Object.entries(headers),
    listener,
  };
}

function hostsOf({ hosts = ["*"] }: RouteMatch): string[] {
  return [...new Set(hosts.map((host) => plainHost(host)))];
}

/** The lower, the more is said of the host. */
function hostClass(host: string): number {
  if (host === "*") return 3_000;
  return host.startsWith("*.") ? 2_000 - host.length : 0;
}

function preference(a: Entry, b: Entry): number {
  const exact = Number(b.path.kind === "exact") - Number(a.path.kind === "exact");
  const pattern = Number(b.path.kind === "pattern") - Number(a.path.kind === "pattern");
  return exact || b.path.literal - a.path.literal || pattern || conditions(b) - conditions(a) ||
    a.index - b.index;
}

function conditions({ methods, headers, listener }: Entry): number {
  return Number(methods !== undefined) + headers.length + Number(listener !== undefined);
}

function pathTable(): PathTable {
  return { exact: new Map(), below: new Map(), depth: 0 };
}

function tableIn(tables: Map<string, PathTable>, key: string): PathTable {
  let table = tables.get(key);
  if (table === undefined) tables.set(key, table = pathTable());
  return table;
}

function listIn(lists: Map<string, Entry[]>, key: string, entry: Entry): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [entry]);
  else list.push(entry);
}
