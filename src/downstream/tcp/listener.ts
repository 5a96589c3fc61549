/**
 * Opening what accepts connections: a port or a Unix socket, with TLS or without.
 *
 * @module
 */
import { messageOf } from "../../http/errors.ts";
import type { Address } from "../../upstream/address.ts";
import type { ListenerTls } from "../listener_options.ts";

/** Whether two listeners can be at one port: a certificate is changed by a second one that takes over. */
const CAN_SHARE = "listenDatagram" in Deno;

/**
 * Opens a listener.
 *
 * @throws when the address cannot be listened on, or a file of TLS cannot be used
 */
export function openListener(address: Address, tls: ListenerTls | undefined): Deno.Listener {
  if (address.transport === "unix") return Deno.listen({ transport: "unix", path: address.path });
  const { hostname, port } = address;
  if (tls === undefined) return Deno.listen({ hostname, port });
  const [cert, key] = [pemOf(tls.cert, "CERTIFICATE"), pemOf(tls.key, "PRIVATE KEY")];
  try {
    return Deno.listenTls({ hostname, port, cert, key, alpnProtocols: ["http/1.1"], reusePort: CAN_SHARE });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.NotCapable) throw error;
    throw new Error(`cannot use the certificate ${tls.cert} with the key ${tls.key}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function pemOf(path: string, kind: string): string {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  if (!text.includes(`${kind}-----`)) {
    throw new Error(`cannot use ${path}: there is no PEM block "${kind}" in it`);
  }
  if (kind === "PRIVATE KEY" && /ENCRYPTED/.test(text)) {
    throw new Error(`cannot use ${path}: the key is encrypted`);
  }
  return text;
}
