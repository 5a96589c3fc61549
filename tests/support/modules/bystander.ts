/**
 * A module that does nothing wrong.
 *
 * @module
 */
import type { Peer, ResponseHead, Session } from "../../../src/mod.ts";

/** Replaced by the test. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:1" }];

/** Adds a field. */
export function requestFilter({ request: { headers } }: Session): void {
  headers.set("x-by", "stander");
}

/** The one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}

/** Adds a field. */
export function responseFilter(_session: Session, { headers }: ResponseHead): void {
  headers.set("x-by", "stander");
}
