/**
 * Whether an upstream that accepts a WebSocket accepts the one that was asked for.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { HeaderList } from "../http/headers.ts";

/** What every answer to a key is made with, RFC 6455 section 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What is wrong with the fields of a 101, given those of the request it got, RFC 6455 section 4.1; undefined when nothing is. */
export function webSocketProblem(request: HeaderList, response: HeaderList): string | undefined {
  const key = request.get("sec-websocket-key") ?? "";
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  if (response.get("sec-websocket-accept") !== accept) return "its Sec-WebSocket-Accept is not of the key";
  const protocol = response.get("sec-websocket-protocol");
  const offered = (request.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  if (protocol !== null && !offered.includes(protocol)) {
    return `its sub-protocol ${JSON.stringify(protocol)} was not offered`;
  }
  // Whoever may have offered one: the bridge speaks none.
  if (response.has("sec-websocket-extensions")) return "it has an extension";
  return undefined;
}
