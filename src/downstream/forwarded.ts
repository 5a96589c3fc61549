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
      if (entry.includes("/")) return unmapped(ipaddr.parseCIDR(entry));
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

function unmapped([range, bits]: [ipaddr.IPv4 | ipaddr.IPv6, number]): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  const isMapped = range.kind() === "ipv6" && (range as ipaddr.IPv6).isIPv4MappedAddress() && bits >= 96;
  return isMapped ? [(range as ipaddr.IPv6).toIPv4Address(), bits - 96] : [range, bits];
}

/** The fields that only a trusted proxy may have set, and Via, which anybody may have. */
const CLAIMS = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];
const HAS_CLAIM = new Set([...CLAIMS, "via"]);

/** Whether a lower-case name is one that {@linkcode setForwarded} may have to replace or append to. */
export function isClaim(name: string): boolean {
  return HAS_CLAIM.has(name);
}

/** What a request's forwarded fields are to say. */
export interface Forwarded {
  /** The client's address. */
  client: string;
  /** `http` or `https`. */
  scheme: string;
  /** The Host that the client named. */
  host: string;
  /** Whether the client is a proxy whose own word is kept. */
  trusted: boolean;
  /** Whether the request has any claim at all, see {@linkcode isClaim}. */
  hasClaims: boolean;
}

/** Puts the forwarded fields into a request: appended to what a trusted proxy said, in place of what anybody else did. */
export function setForwarded(
  headers: HeaderList,
  { client, scheme, host, trusted, hasClaims }: Forwarded,
): void {
  const { lines } = headers;
  if (!hasClaims) {
    lines.push("x-forwarded-for", client, "x-forwarded-proto", scheme, "x-forwarded-host", host, "via", VIA);
    return;
  }
  if (!trusted) { for (const name of CLAIMS) headers.delete(name); }
  appendTo(headers, "x-forwarded-for", client);
  if (!headers.has("x-forwarded-proto")) lines.push("x-forwarded-proto", scheme);
  if (!headers.has("x-forwarded-host")) lines.push("x-forwarded-host", host);
  appendTo(headers, "via", VIA);
}

const VIA = "1.1 postern";

function appendTo(headers: HeaderList, name: string, value: string): void {
  const before = headers.get(name);
  if (before === null) headers.lines.push(name, value);
  else headers.set(name, `${before}, ${value}`);
}
