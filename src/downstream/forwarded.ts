/**
 * What the upstream is told about the client: X-Forwarded-*, Via.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import type { HeaderList } from "../http/headers.ts";

/** Tells whether an address belongs to a proxy whose word is taken. */
export type TrustCheck = (address: string) => boolean;

/**
 * The check for a list of addresses and CIDR ranges. IPv4-mapped IPv6 addresses count as IPv4.
 *
 * @throws {RangeError} that names the entry that is neither an address nor a range
 */
export function trustCheck(list: readonly string[]): TrustCheck {
  if (list.length === 0) return () => false;
  const ranges = list.map((entry): [ipaddr.IPv4 | ipaddr.IPv6, number] => {
    try {
      if (entry.includes("/")) return ipaddr.parseCIDR(entry);
      const address = ipaddr.process(entry);
      return [address, address.kind() === "ipv4" ? 32 : 128];
    } catch {
      throw new RangeError(
        `Cannot trust "${entry}": expected an IP address or a CIDR range such as "10.0.0.0/8"`,
      );
    }
  });
  return (text) => {
    if (!ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return ranges.some(([range, bits]) =>
      range.kind() === address.kind() && address.match([range, bits] as never)
    );
  };
}

/** The fields that only a trusted proxy may have set. */
const CLAIMS = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];

/**
 * Puts the forwarded fields into a request: appended to what a trusted proxy said, in place of what anybody else did.
 *
 * @param host The request's Host.
 */
export function setForwarded(
  headers: HeaderList,
  client: string,
  scheme: string,
  host: string,
  trusted: boolean,
): void {
  const { lines } = headers;
  const before = trusted ? headers.get("x-forwarded-for") : null;
  if (!trusted) { for (const name of CLAIMS) if (headers.has(name)) headers.delete(name); }
  if (before !== null) headers.set("x-forwarded-for", `${before}, ${client}`);
  else lines.push("x-forwarded-for", client);
  if (!trusted || !headers.has("x-forwarded-proto")) lines.push("x-forwarded-proto", scheme);
  if (!trusted || !headers.has("x-forwarded-host")) lines.push("x-forwarded-host", host);
  const via = headers.get("via");
  if (via === null) lines.push("via", "1.1 postern");
  else headers.set("via", `${via}, 1.1 postern`);
}
