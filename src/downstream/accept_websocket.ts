/**
 * Accepting a client's WebSocket on `Deno.serve`, once its upstream has.
 *
 * @module
 */
import { isHopByHop } from "../http/hop_by_hop.ts";
import type { FrontResponse } from "./front.ts";

/**
 * A client that has said nothing for this long is asked by the runtime whether it is still there, in seconds, and is cut off when
 * it does not answer within as long again: nothing else cuts off one that vanished without a word.
 */
const PING_AFTER = 60;

/** The client's socket, and the 101 for `Deno.serve`, with the fields of the upstream's. */
export function acceptWebSocket(
  request: Request,
  { headers }: FrontResponse,
): { socket: WebSocket; response: Response } {
  const protocol = headers.get("sec-websocket-protocol");
  const { socket, response } = Deno.upgradeWebSocket(request, {
    ...(protocol === null ? {} : { protocol }),
    idleTimeout: PING_AFTER,
  });
  const { lines } = headers;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    if (isHopByHop(name) || name.toLowerCase().startsWith("sec-websocket-")) continue;
    response.headers.append(name, lines[i + 1]!);
  }
  return { socket, response };
}
