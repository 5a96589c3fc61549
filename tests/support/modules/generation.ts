/**
 * A module that waits where it is told to; it is one generation of several.
 *
 * @module
 */
import type { FilteredChunk, Peer, RequestHead, ResponseHead, Session } from "../../../src/mod.ts";

/** Replaced by the test. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:1" }];

const NAME = "GENERATION";

/** Waits for 600 ms at `/wait`: long enough to be overtaken, not too long for a hook. */
export async function requestFilter({ request }: Session): Promise<void> {
  if (request.target === "/wait") await new Promise((resolve) => setTimeout(resolve, 600));
}

/** The one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}

/** Tells the upstream. */
export function upstreamRequestFilter(_: Session, { headers }: RequestHead): void {
  headers.set("x-generation", NAME);
}

/** Tells the client. */
export function responseFilter(_: Session, { headers }: ResponseHead): void {
  headers.set("x-generation", NAME);
}

/** Ends the body with the name. */
export function responseBodyFilter(_: Session, chunk: Uint8Array | null, end: boolean): FilteredChunk {
  if (!end) return;
  const last = chunk ?? new Uint8Array();
  const name = new TextEncoder().encode(NAME);
  const out = new Uint8Array(last.length + name.length);
  out.set(last);
  out.set(name, last.length);
  return out;
}
