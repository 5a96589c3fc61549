/**
 * Sends everything to a primary, and to a backup while the primary is down.
 *
 * Try it: `deno task failover` with the primary on 127.0.0.1:6189 and the backup on 127.0.0.1:6190; stop the primary.
 *
 * @module
 */
import { type BackgroundService, httpCheck, LoadBalancer, type Peer, type Session } from "../src/mod.ts";

/** Where clients come in. */
export const listen = "127.0.0.1:6188";

/** Everything this module may reach. */
export const net = ["127.0.0.1:6189", "127.0.0.1:6190"];

/** The backup gets requests only while no primary can be used. Both are asked every second whether they are well. */
export const upstreams: LoadBalancer = new LoadBalancer(
  [
    { peer: { address: "127.0.0.1:6189" } },
    { peer: { address: "127.0.0.1:6190" }, backup: true },
  ],
  { health: { check: httpCheck({ path: "/", expect: "200-399" }), interval: 1_000, fall: 2 } },
);

/** The health checks start and stop with the proxy. */
export const backgroundServices: BackgroundService[] = upstreams.services;

/** The primary if it is well, otherwise the backup. */
export function upstreamPeer(session: Session): Peer | Promise<Peer> {
  return upstreams.select(session);
}
