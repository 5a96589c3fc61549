/**
 * A balancer with all its guards, over the origins that the environment names.
 *
 * @module
 */
import {
  type BackgroundService,
  httpCheck,
  LoadBalancer,
  type Peer,
  type ProxyError,
  type ProxyOptions,
  type Session,
} from "../../../src/mod.ts";

const origins = Deno.env.get("ORIGINS")!.split(",");

/** Everything this module may reach. */
export const net: string[] = origins;

/** What else it needs. */
export const permissions = { env: ["ORIGINS"] };

/** Two more attempts, where that is safe. */
export const options: ProxyOptions = { retries: 2 };

/** Asked every half second whether they are well, and judged by how they answer. */
export const upstreams: LoadBalancer = new LoadBalancer(
  origins.map((address): Peer => ({ address, timeouts: { connect: 1_000, firstByte: 1_000 } })),
  {
    health: { check: httpCheck({ path: "/health" }), interval: 500, timeout: 400, fall: 2, rise: 2 },
    outlier: { errors: 5, slowAfter: 400, slowAnswers: 5, ejectFor: 2_000 },
    slowStart: 1_000,
    // When all seem to be down, it is rather this machine that is too busy.
    panic: 0.01,
  },
);

/** The health checks start and stop with the proxy. */
export const backgroundServices: BackgroundService[] = upstreams.services;

/** The next one that is well, and another one at another attempt. */
export function upstreamPeer(session: Session): Peer | Promise<Peer> {
  return upstreams.select(session);
}

/** What may be sent twice is sent to another one, also after a time-out. */
export function errorWhileProxy(_session: Session, _peer: Peer, error: ProxyError): boolean {
  return error.retrySafe;
}
