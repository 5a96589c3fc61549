/**
 * A module with a load balancer that checks its backends.
 *
 * @module
 */
import { LoadBalancer, type Peer, type Session, tcpCheck } from "../../../src/mod.ts";

/** Replaced by the test. */
export const upstreams = new LoadBalancer([{ address: "127.0.0.1:1" }], {
  health: { interval: 20, check: tcpCheck(500) },
});

/** The checks. */
export const backgroundServices = [upstreams.healthChecks];

/** A healthy one. */
export function upstreamPeer({ tried }: Session): Peer | Promise<Peer> {
  return upstreams.select({ tried });
}
