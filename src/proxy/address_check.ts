/**
 * Telling what can be an address, for modules that are checked.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import { parseAddress } from "../upstream/address.ts";
import type { Rule } from "./fields.ts";

/** Where to connect to or listen on. */
export const ADDRESS: Rule = {
  expected: '"host:port", "[v6]:port" (port 0 to 65535) or "unix:/path"',
  holds(value) {
    if (typeof value !== "string") return false;
    try {
      parseAddress(value);
      return true;
    } catch {
      return false;
    }
  },
};

/** What may be in `net`: the part of `--allow-net=` that Deno takes and that stands for one entry. */
export const NET_ENTRY: Rule = {
  expected:
    '"host", "host:port", "[v6]:port", an IPv4 range such as "10.0.0.0/8", "*.domain", "*.domain:port" or "unix:/path"',
  holds(value) {
    if (typeof value !== "string") return false;
    if (value.startsWith("unix:/")) return !value.includes(",");
    const [, host, port = "0"] = /^(.+?)(?::(\d{1,5}))?$/.exec(value) ?? [];
    return host !== undefined && isHost(host) && Number(port) <= 65535;
  },
};

const NAME = /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?$/;

function isHost(host: string): boolean {
  if (host.startsWith("[") && host.endsWith("]")) return ipaddr.IPv6.isValid(host.slice(1, -1));
  if (host.includes("/")) return ipaddr.IPv4.isValidCIDRFourPartDecimal(host);
  return NAME.test(host);
}

/** Who may be trusted. IPv4 in four parts only: what else passes for an address, such as "10", is more likely a slip. */
export const ADDRESS_OR_RANGE: Rule = {
  expected: 'an IP address or a CIDR range such as "10.0.0.0/8"',
  holds(value) {
    if (typeof value !== "string") return false;
    return value.includes("/")
      ? ipaddr.IPv4.isValidCIDRFourPartDecimal(value) || ipaddr.IPv6.isValidCIDR(value)
      : ipaddr.IPv4.isValidFourPartDecimal(value) || ipaddr.IPv6.isValid(value);
  },
};
