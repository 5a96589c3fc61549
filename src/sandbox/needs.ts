/**
 * What a module needs to be granted, each with the reason.
 *
 * @module
 */
import { tlsPairs } from "../downstream/listener_options.ts";
import type { ProxyModule } from "../proxy/hooks.ts";
import { DEFAULT_LISTEN } from "../proxy/start.ts";
import { formatAddress, parseAddress } from "../upstream/address.ts";
import type { Peer } from "../upstream/peer.ts";
import { netScope } from "./net_scope.ts";

/** The kinds of permission, in the order in which they are printed. */
export const KINDS = ["net", "read", "write", "env", "run", "sys", "ffi", "import"] as const;

/** A kind of permission, as in `--allow-KIND`. */
export type Kind = typeof KINDS[number];

/** One permission that has to be granted. */
export interface Need {
  /** Its kind. */
  kind: Kind;
  /** What of it, in the words of Deno's flags. */
  value: string;
  /** What for. */
  why: string;
}

/** Where a module is loaded from and listens. */
export interface NeedsOptions {
  /** Where it is to listen instead of its own choice. */
  listen?: string | undefined;
  /** Files and folders that have to be read to load it, with the reason. */
  sources?: readonly Pick<Need, "value" | "why">[];
}

/** The members of a module's upstreams. */
export function peersOf(module: ProxyModule): readonly Peer[] {
  const { upstreams = [] } = module;
  return Array.isArray(upstreams) ? upstreams : upstreams.peers;
}

/**
 * Everything a module needs: where it listens first, then its `net`, or the addresses of its upstreams if it declares
 * none, then what it takes to load it, then what it declares in `permissions`. Nothing is there twice.
 *
 * @throws {RangeError} when an address cannot be used
 */
export function needsOf(module: ProxyModule, { listen, sources = [] }: NeedsOptions = {}): Need[] {
  const upstreams = peersOf(module).map(addressOf);
  const own = formatAddress(parseAddress(listen ?? module.listen ?? DEFAULT_LISTEN));
  const needs: Need[] = [{ kind: "net", value: own, why: "listens there" }];
  const { redirectHttp, relayPorts = [] } = module.listener ?? {};
  if (redirectHttp !== undefined) {
    needs.push({
      kind: "net",
      value: formatAddress(parseAddress(redirectHttp)),
      why: "redirects from there",
    });
  }
  for (const port of relayPorts) {
    // Any port to listen on is any port to connect to.
    needs.push({ kind: "net", value: port === 0 ? "127.0.0.1" : `127.0.0.1:${port}`, why: "TLS relay" });
  }
  for (const value of module.net ?? upstreams) {
    needs.push({ kind: "net", value, why: upstreams.some(netScope([value])) ? "upstream" : "hooks" });
  }
  // Deno asks for the file of a Unix socket too.
  for (const { value, why } of [...needs]) {
    if (!value.startsWith("unix:")) continue;
    const path = value.slice("unix:".length);
    needs.push({ kind: "read", value: path, why: `socket: ${why}` });
    needs.push({ kind: "write", value: path, why: `socket: ${why}` });
  }
  for (const { cert, key } of tlsPairs(module.listener ?? {})) {
    for (const value of [cert, key]) needs.push({ kind: "read", value, why: "TLS" });
  }
  for (const source of sources) needs.push({ kind: "read", ...source });
  for (const kind of KINDS) {
    const asked = (module.permissions ?? {})[kind as keyof ProxyModule["permissions"]] as
      | string[]
      | undefined;
    for (const value of asked ?? []) needs.push({ kind, value, why: 'its "permissions"' });
  }
  const seen = new Set<string>();
  return needs.filter(({ kind, value }) => !seen.has(`${kind}=${value}`) && seen.add(`${kind}=${value}`));
}

/** The upstreams of a module that its `net` leaves out; a module without `net` leaves out none. */
export function undeclared(module: ProxyModule): string[] {
  if (module.net === undefined) return [];
  const isDeclared = netScope(module.net);
  return peersOf(module).map(addressOf).filter((address) => !isDeclared(address));
}

/** The values of a kind. */
export function valuesOf(needs: readonly Need[], kind: Kind): string[] {
  return needs.filter((need) => need.kind === kind).map(({ value }) => value);
}

function addressOf({ address }: Peer): string {
  return formatAddress(parseAddress(address));
}
