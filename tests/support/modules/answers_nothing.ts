/**
 * A module whose filter can be made to loop.
 *
 * @module
 */
import type { Peer, Session } from "../../../src/mod.ts";

/** Replaced by the test. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:1" }];

/** Loops when it is told to. */
export function requestFilter({ request }: Session): void {
  while (request.target === "/loop");
}

/** The one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}
