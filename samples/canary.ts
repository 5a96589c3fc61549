/**
 * Sends five requests of a hundred to a new version, and takes it out when it fails.
 *
 * Try it: `deno task canary` with the present version on 127.0.0.1:6189 and the new one on 127.0.0.1:6190.
 *
 * @module
 */
import { type BackgroundService, LoadBalancer, type Peer, type Session } from "../src/mod.ts";

/** Where clients come in. */
export const listen = "127.0.0.1:6188";

/** Everything this module may reach. */
export const net = ["127.0.0.1:6189", "127.0.0.1:6190"];

/** Both versions by their weight. Five errors in a row, and a version is out for ten seconds, then longer. */
export const upstreams: LoadBalancer = new LoadBalancer(
  [
    { peer: { address: "127.0.0.1:6189" }, weight: 95, labels: { version: "present" } },
    { peer: { address: "127.0.0.1:6190" }, weight: 5, labels: { version: "new" } },
  ],
  { outlier: { errors: 5 }, slowStart: 10_000 },
);

/** The health checks start and stop with the proxy. */
export const backgroundServices: BackgroundService[] = upstreams.services;

/** A version by weight, and the other one at a second attempt. */
export function upstreamPeer(session: Session): Peer | Promise<Peer> {
  return upstreams.select(session);
}
