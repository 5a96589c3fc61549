/**
 * Balances over two upstreams and leaves out the one that is down.
 *
 * A background service opens a TCP connection to each every five seconds; requests go to those that answered.
 *
 * Try it: `deno task lb`, then `curl -v http://127.0.0.1:6188 -H "Host: one.one.one.one"`.
 *
 * @module
 */
import {
  type BackgroundService,
  LoadBalancer,
  type Peer,
  type RequestHead,
  type Session,
  tcpCheck,
} from "../src/mod.ts";

const serverName = "one.one.one.one";

/** Where clients come in. */
export const listen = "127.0.0.1:6188";

/** Everything this module may reach. */
export const net = ["1.1.1.1:443", "1.0.0.1:443"];

/** The upstreams, checked every five seconds. */
export const upstreams: LoadBalancer = new LoadBalancer(
  [
    { address: "1.1.1.1:443", tls: { serverName } },
    { address: "1.0.0.1:443", tls: { serverName } },
  ],
  { health: { check: tcpCheck(), interval: 5_000 } },
);

/** The health checks start and stop with the proxy. */
export const backgroundServices: BackgroundService[] = upstreams.services;

/** The next healthy upstream in turn, and another one at a second attempt. */
export function upstreamPeer(session: Session): Peer | Promise<Peer> {
  return upstreams.select(session);
}

/** Both upstreams know the site by this name. */
export function upstreamRequestFilter(_session: Session, request: RequestHead): void {
  request.headers.set("host", serverName);
}
