/**
 * Whether this process may connect to an address.
 *
 * @module
 */
import { type Address, formatAddress } from "../upstream/address.ts";

/**
 * Whether the permissions of this process cover an address: granted by itself, or within a host name, range or
 * `*.domain`. Nobody is asked.
 */
export async function isGranted(address: Address): Promise<boolean> {
  const needed: Deno.PermissionDescriptor[] = [{ name: "net", host: formatAddress(address) }];
  if (address.transport === "unix") {
    needed.push({ name: "read", path: address.path }, { name: "write", path: address.path });
  }
  const states = await Promise.all(needed.map((descriptor) => Deno.permissions.query(descriptor)));
  return states.every(({ state }) => state === "granted");
}
