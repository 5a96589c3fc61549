/**
 * Writing the header of the PROXY protocol: HAProxy's proxy-protocol.txt, sections 2.1 and 2.2.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import type { Endpoint } from "./endpoint.ts";
import { parseIp, SIGNATURE } from "./proxy_protocol.ts";

const LOCAL = 0x20;
const PROXY = 0x21;
const TCP4 = 0x11;
const TCP6 = 0x21;

/**
 * The header of a TCP connection from `source` to `destination`: a line in version 1, binary in version 2.
 * When one is IPv4 and the other IPv6, both are written as IPv6. When one is undefined, the header says that the
 * sender's own addresses hold: `PROXY UNKNOWN` in version 1, LOCAL in version 2.
 *
 * @throws {TypeError} when a hostname is no IP address or a port not one of 0 to 65535
 */
export function writeProxyHeader(
  version: 1 | 2,
  source: Endpoint | undefined,
  destination: Endpoint | undefined,
): Uint8Array<ArrayBuffer> {
  if (source === undefined || destination === undefined) {
    return version === 1 ? text("PROXY UNKNOWN\r\n") : Uint8Array.of(...SIGNATURE, LOCAL, 0, 0, 0);
  }
  const ports = [portOf(source), portOf(destination)];
  let ips = [ipOf(source), ipOf(destination)];
  const isV4 = ips.every((ip) => ip.kind() === "ipv4");
  if (!isV4) ips = ips.map((ip) => "octets" in ip ? ip.toIPv4MappedAddress() : ip);
  if (version === 1) return text(`PROXY ${isV4 ? "TCP4" : "TCP6"} ${ips.join(" ")} ${ports.join(" ")}\r\n`);
  const block = [
    ...ips.flatMap((ip) => ip.toByteArray()),
    ...ports.flatMap((port) => [port >> 8, port & 255]),
  ];
  return Uint8Array.of(...SIGNATURE, PROXY, isV4 ? TCP4 : TCP6, 0, block.length, ...block);
}

/** The address, an IPv4-mapped one as IPv4; a zone is left out, as it means nothing to others. */
function ipOf({ hostname }: Endpoint): ipaddr.IPv4 | ipaddr.IPv6 {
  const ip = parseIp(hostname.replace(/%.*/, ""));
  if (ip === undefined) throw new TypeError(`Cannot write ${JSON.stringify(hostname)}: it is no IP address`);
  return ipaddr.process(ip.toString());
}

function portOf({ port }: Endpoint): number {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new TypeError(`Cannot write port ${port}: allowed are 0 to 65535`);
  }
  return port;
}

function text(line: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(line);
}
