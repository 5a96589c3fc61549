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
 * The check for a list: `host` (any port), `host:port`, `[v6]:port`, CIDR ranges, `*.domain` and `unix:/path`.
 *
 * Host names are compared as they are written, as Deno does: `localhost` is not `127.0.0.1`.
 */
export function netScope(net: readonly string[]): (address: string) => boolean {
  const exact = new Set(net.map((entry) => entry.toLowerCase()));
  const ranges = net.filter((entry) => entry.includes("/") && !entry.startsWith("unix:")).map((entry) =>
    ipaddr.parseCIDR(entry)
  );
  const domains = net.filter((entry) => entry.startsWith("*.")).map((entry) => {
    const [, suffix, port] = /^\*(\.[^:]+)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
    return { suffix: suffix!, port };
  });
  return (text) => {
    if (exact.has(text.toLowerCase())) return true;
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
    return ranges.some(([range, bits]) => range.kind() === ip.kind() && ip.match([range, bits] as never));
  };
}
