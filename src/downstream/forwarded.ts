/**
 * What the upstream is told about the client: X-Forwarded-*, Via.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import type { HeaderList } from "../http/headers.ts";
import { type ClaimingHeaders, CLAIMS } from "./claims.ts";

/** Tells whether an address belongs to a proxy whose word is taken. */
export type TrustCheck = (address: string) => boolean;

/**
 * The check for a list of addresses and CIDR ranges. IPv4-mapped IPv6 addresses count as IPv4.
 *
 * @param action What the list is for, in the error.
 * @throws {RangeError} that names the entry that is neither an address nor a range
 */
export function trustCheck(list: readonly string[], action = "trust"): TrustCheck {
  if (list.length === 0) return () => false;
  const ranges = list.map((entry): [ipaddr.IPv4 | ipaddr.IPv6, number] => {
    try {
      if (entry.includes("/")) return unmapped(ipaddr.parseCIDR(entry));
      const address = ipaddr.process(entry);
      return [address, address.kind() === "ipv4" ? 32 : 128];
    } catch {
      throw new RangeError(
        `Cannot ${action} "${entry}": expected an IP address or a CIDR range such as "10.0.0.0/8"`,
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
  /** Whether the request may have any of these fields already. */
  hasClaims: boolean;
  /** Tells the client's claims from what hooks set. @default all are the client's */
  claims?: ClaimingHeaders | undefined;
}

/**
 * Puts the forwarded fields into a request: appended to what a trusted proxy or a hook said, in place of what anybody
 * else did.
 */
export function setForwarded(
  headers: HeaderList,
  { client, scheme, host, trusted, hasClaims, claims }: Forwarded,
): void {
  const { lines } = headers;
  if (!hasClaims) {
    lines.push("x-forwarded-for", client, "x-forwarded-proto", scheme, "x-forwarded-host", host, "via", VIA);
    return;
  }
  if (!trusted) {
    if (claims !== undefined) claims.removeClaims(headers);
    else for (const name of CLAIMS) headers.delete(name);
  }
  appendTo(headers, "x-forwarded-for", client);
  setOnce(headers, "x-forwarded-proto", scheme);
  setOnce(headers, "x-forwarded-host", host);
  appendTo(headers, "via", VIA);
}

const VIA = "1.1 postern";

function appendTo(headers: HeaderList, name: string, value: string): void {
  const before = headers.get(name);
  if (before === null) headers.lines.push(name, value);
  else headers.set(name, `${before}, ${value}`);
}

/** The last line wins, which is a hook's if it appended one; without any, `otherwise` does. */
function setOnce(headers: HeaderList, name: string, otherwise: string): void {
  const said = headers.getAll(name);
  if (said.length === 0) headers.lines.push(name, otherwise);
  else if (said.length > 1) headers.set(name, said.at(-1)!);
}
