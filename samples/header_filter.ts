/**
 * Edits the request before the upstream sees it, and the response before the client does.
 *
 * Try it: `deno task header`, then `curl -v http://127.0.0.1:6188 -H "Host: one.one.one.one"`.
 *
 * @module
 */
import type { Peer, RequestHead, ResponseHead, Session } from "../src/mod.ts";

/** Where clients come in. */
export const listen = "127.0.0.1:6188";

/** Everything this module may reach. */
export const net = ["1.1.1.1:443"];

/** The upstream. */
export const upstreams: Peer[] = [
  { address: "1.1.1.1:443", tls: { serverName: "one.one.one.one" } },
];

/** Every request goes to the one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}

/** The upstream learns who asks on whose behalf, and nothing of the client's cookies. */
export function upstreamRequestFilter(_session: Session, request: RequestHead): void {
  request.headers.set("host", "one.one.one.one");
  request.headers.set("x-proxied-by", "postern");
  request.headers.delete("cookie");
}

/** The client does not learn what the upstream runs, nor is it sent to HTTP/3, which this proxy does not speak. */
export function responseFilter(_session: Session, response: ResponseHead): void {
  response.headers.set("server", "postern");
  response.headers.delete("alt-svc");
}
