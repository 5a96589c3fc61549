/**
 * The ends of a connection.
 *
 * @module
 */

/** One end of a TCP connection. */
export interface Endpoint {
  /** An IP address. */
  hostname: string;
  /** 0 to 65535. */
  port: number;
}

/** Both ends of a client's connection; undefined where an end has no IP address or is not known. */
export interface Endpoints {
  /** The client's. */
  readonly source: Endpoint | undefined;
  /** The one that it connected to. */
  readonly destination: Endpoint | undefined;
}

/** The address of a socket as an end of a connection. */
export function endpointOf(addr: Deno.Addr): Endpoint | undefined {
  return addr.transport === "tcp" ? { hostname: plainAddress(addr.hostname), port: addr.port } : undefined;
}

/** An IP address, with IPv4 in IPv6 as plain IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}
