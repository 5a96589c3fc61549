/**
 * Keeps every client at the application that answered it first, by a signed cookie.
 *
 * Try it: `deno task sticky` with applications on 127.0.0.1:6189 and 127.0.0.1:6190, then
 * `curl -c jar -b jar http://127.0.0.1:6188` a few times, with and without the cookie jar.
 *
 * @module
 */
import {
  type BackgroundService,
  LoadBalancer,
  type Peer,
  type ResponseHead,
  type Session,
  StickySessions,
} from "../src/mod.ts";

/** Where clients come in. */
export const listen = "127.0.0.1:6188";

/** Everything this module may reach. */
export const net = ["127.0.0.1:6189", "127.0.0.1:6190"];

/** The applications. A secret that all proxies of a site share keeps clients in place across them. */
export const upstreams: LoadBalancer = new LoadBalancer(
  [{ address: "127.0.0.1:6189" }, { address: "127.0.0.1:6190" }],
  { sticky: new StickySessions({ secret: crypto.randomUUID(), cookie: "server" }) },
);

/** The health checks start and stop with the proxy. */
export const backgroundServices: BackgroundService[] = upstreams.services;

/** The application that the cookie names, as long as it is well; otherwise the next in turn. */
export function upstreamPeer(session: Session): Peer | Promise<Peer> {
  return upstreams.select(session);
}

/** Gives the client the cookie of the application that answered, unless it has it. */
export function responseFilter(session: Session, response: ResponseHead): void {
  upstreams.stick(session, response);
}
