/**
 * What a proxy in front says of its client before the first request.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../../http/errors.ts";
import { type ProxyHeader, readProxyHeader } from "../../http/proxy_protocol.ts";
import type { ClientSocket } from "./client_socket.ts";

/** The PROXY protocol header that a connection has to begin with; undefined, and a line in the log, when it does not. */
export async function introduced(socket: ClientSocket, from: string): Promise<ProxyHeader | undefined> {
  while (!socket.closed) {
    try {
      const header = readProxyHeader(socket.buffer, socket.start, socket.end);
      if (header !== undefined) {
        socket.start = header.end;
        return header;
      }
    } catch (error) {
      getLogger("postern").warn(`connection of ${from}: ${messageOf(error)}`);
      return undefined;
    }
    if (!await socket.fillBody()) return undefined;
  }
  return undefined;
}
