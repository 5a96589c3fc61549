/**
 * Network permissions: what a module needs, whether the process has it, and whether it has too much.
 *
 * @module
 */
import { DEFAULT_LISTEN } from "../proxy/start.ts";
import type { ProxyModule } from "../proxy/hooks.ts";
import { formatAddress, parseAddress } from "../upstream/address.ts";
import type { Peer } from "../upstream/peer.ts";

/** The members of a module's upstreams. */
export function peersOf(module: ProxyModule): readonly Peer[] {
  const { upstreams = [] } = module;
  return Array.isArray(upstreams) ? upstreams : upstreams.peers;
}

/**
 * Everything a module needs to reach, in the words of `--allow-net=`: where it listens first, then its `net`, or the
 * addresses of its upstreams if it declares none.
 *
 * @param listen Where it is to listen instead of its own choice.
 */
export function neededNet(module: ProxyModule, listen?: string): string[] {
  const upstreams = peersOf(module).map(({ address }) => formatAddress(parseAddress(address)));
  const own = formatAddress(parseAddress(listen ?? module.listen ?? DEFAULT_LISTEN));
  return [...new Set([own, ...(module.net ?? upstreams)])];
}

/** The upstreams of a module that its `net` leaves out; a module without `net` leaves out none. */
export function undeclared(module: ProxyModule): string[] {
  const { net } = module;
  if (net === undefined) return [];
  // A range or a pattern is judged by Deno, at the first connection.
  if (net.some((entry) => /[/*]/.test(entry) && !entry.startsWith("unix:"))) return [];
  return peersOf(module).map(({ address }) => formatAddress(parseAddress(address)))
    .filter((address) => !net.includes(address) && !net.includes(address.replace(/:\d+$/, "")));
}

/** The flag that grants these addresses and nothing else; Deno asks for read and write too where one is a Unix socket. */
export function netFlag(needed: readonly string[]): string {
  const net = `--allow-net=${needed.join(",")}`;
  const paths = socketPaths(needed).join(",");
  return paths === "" ? net : `${net} --allow-read=${paths} --allow-write=${paths}`;
}

function socketPaths(needed: readonly string[]): string[] {
  return needed.filter((entry) => entry.startsWith("unix:")).map((entry) => entry.slice("unix:".length));
}

/** What is wrong with the permissions of the process. */
export interface Verdict {
  /** Needed and not granted. */
  missing: string[];
  /** The flag that grants more than is needed, if one does. */
  wider: string | undefined;
}

/** Holds the permissions of the process against what is needed. */
export function verifyPermissions(needed: readonly string[]): Verdict {
  const all = granted({ name: "net" }) &&
    (["read", "write", "env", "run", "ffi", "sys"] as const).every((name) => granted({ name }));
  return {
    missing: [
      ...needed.filter((host) => !isPattern(host) && !granted({ name: "net", host })),
      ...socketPaths(needed).filter((path) =>
        !granted({ name: "read", path }) || !granted({ name: "write", path })
      ),
    ],
    wider: all ? "--allow-all" : granted({ name: "net" }) ? "--allow-net" : undefined,
  };
}

/** What the person who started the process is to know of permissions that are missing; undefined when none are. */
export function missingText(needed: readonly string[]): string | undefined {
  const { missing } = verifyPermissions(needed);
  return missing.length > 0
    ? `no permission for ${missing.join(", ")}: run with ${netFlag(needed)}`
    : undefined;
}

/** Deno can be granted CIDR ranges and `*.domain`, but not be asked about them. */
function isPattern(host: string): boolean {
  return !host.startsWith("unix:") && /[/*]/.test(host);
}

function granted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
