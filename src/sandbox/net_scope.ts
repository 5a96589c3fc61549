/**
 * Whether an address lies within a list in the words of `--allow-net=`.
 *
 * A proxy connects on behalf of its modules with permissions that cover all of them, so that it has to see to it itself
 * that a module sends it nowhere but to what the module declared.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import { parseAddress } from "../upstream/address.ts";

/**
 * The check for a list: `host` (any port), `host:port`, `[v6]:port`, CIDR ranges and `*.domain` with or without port, and `unix:/path`.
 *
 * Host names are compared as they are written, as Deno does: `localhost` is not `127.0.0.1`.
 */
export function netScope(net: readonly string[]): (address: string) => boolean {
  const exact = new Set(net.map(spelled));
  const ranges = net.filter((entry) => entry.includes("/") && !entry.startsWith("unix:")).map((entry) =>
    rangeOf(entry)
  );
  const domains = net.filter((entry) => entry.startsWith("*.")).map((entry) => {
    const [, suffix, port] = /^\*(\.[^:]+)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    return { suffix: suffix!, port };
  });
  return (text) => {
    if (exact.has(spelled(text))) return true;
    const address = parseAddress(text);
    if (address.transport === "unix") return false;
    const hostname = address.hostname.toLowerCase();
    const bracketed = hostname.includes(":") ? `[${hostname}]` : hostname;
    if (exact.has(hostname) || exact.has(bracketed)) return true;
    if (
      domains.some(({ suffix, port }) =>
        hostname.endsWith(suffix) && (port ?? `${address.port}`) === `${address.port}`
      )
    ) {
      return true;
    }
    if (ranges.length === 0 || !ipaddr.isValid(hostname)) return false;
    const ip = ipaddr.parse(hostname);
    return ranges.some(({ range, bits, port }) =>
      range.kind() === ip.kind() && (port ?? `${address.port}`) === `${address.port}` &&
      ip.match([range, bits] as never)
    );
  };
}

function rangeOf(entry: string) {
  const [, cidr, port] = /^([^/]+\/\d+)(?::(\d+))?$/.exec(entry) ?? [];
  const [range, bits] = ipaddr.parseCIDR(cidr ?? entry);
  return { range, bits, port };
}

/** Names of hosts are the same in any case, paths are not. */
function spelled(entry: string): string {
  return entry.startsWith("unix:") ? entry : entry.toLowerCase();
}
