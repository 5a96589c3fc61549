/** A request filter and a response filter that each set a field. */
import type { Peer, ResponseHead, Session } from "../../src/mod.ts";

/** The upstream, which the benchmark replaces. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:80" }];

/** Every request goes to the one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}

/** Runs for every request. */
export function requestFilter({ request }: Session): void {
  request.headers.set("x-seen", "1");
}

/** Runs for every response. */
export function responseFilter(_session: Session, { headers }: ResponseHead): void {
  headers.set("x-filtered", "1");
}
