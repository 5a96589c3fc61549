/**
 * Listening for connections.
 *
 * @module
 */
import type { Address } from "../upstream/address.ts";

/** Connections that the system holds until they are accepted, if it allows so many: beyond, clients wait for a second. */
const BACKLOG = 4096;

/** A listener at an address, which others may have as well if `reusePort` says so. Throws as `Deno.listen`. */
export function listenOn(address: Address, reusePort = false): Deno.Listener {
  if (address.transport === "unix") return Deno.listen({ transport: "unix", path: address.path });
  const { hostname, port } = address;
  return Deno.listen({ hostname, port, tcpBacklog: BACKLOG, ...(reusePort ? { reusePort } : {}) });
}
