/** Forwards, and nothing else: what the sandbox is measured against. */
import type { Peer } from "../../src/mod.ts";

/** The upstream, which the benchmark replaces. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:80" }];

/** Every request goes to the one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}
