/**
 * Forwards everything to one upstream over TLS.
 *
 * Try it: `deno task simple`, then `curl -v http://127.0.0.1:6188 -H "Host: one.one.one.one"`.
 *
 * @module
 */
import type { Peer } from "../src/mod.ts";

/** Where clients come in. */
export const listen = "127.0.0.1:6188";

/** Everything this module may reach. */
export const net = ["1.1.1.1:443"];

/** The upstream: its address, and the name that its certificate must carry. */
export const upstreams: Peer[] = [
  { address: "1.1.1.1:443", tls: { serverName: "one.one.one.one" } },
];

/** Every request goes to the one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}
