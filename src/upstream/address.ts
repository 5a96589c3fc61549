/**
 * Addresses as users write them: `host:port`, `[v6]:port` and `unix:/path`.
 *
 * @module
 */

/** Where to connect to or listen on. */
export type Address =
  | { transport: "tcp"; hostname: string; port: number }
  | { transport: "unix"; path: string };

const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z._-]+)):(\d{1,5})$/;

/**
 * Reads `host:port`, `[v6]:port` or `unix:/absolute/path`.
 *
 * @throws {RangeError} that names the text and the forms allowed
 */
export function parseAddress(text: string): Address {
  if (text.startsWith("unix:/")) return { transport: "unix", path: text.slice("unix:".length) };
  const match = HOST_PORT.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new RangeError(
      `Cannot use address ${
        JSON.stringify(text)
      }: allowed are "host:port", "[v6]:port" (port 0 to 65535) and "unix:/path"`,
    );
  }
  return { transport: "tcp", hostname: match[1] ?? match[2]!, port };
}

/** The address as text: what {@linkcode parseAddress} reads, and what `--allow-net=` takes. */
export function formatAddress(address: Address): string {
  if (address.transport === "unix") return `unix:${address.path}`;
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
