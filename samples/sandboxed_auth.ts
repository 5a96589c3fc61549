/**
 * Lets in only those whom an authentication service knows; its hook can reach that service, the upstream and nothing else.
 *
 * Try it: `deno task auth` with an application on 127.0.0.1:6189 and the service on 127.0.0.1:6191, then
 * `curl -v http://127.0.0.1:6188 -H "Authorization: Bearer some-token"`.
 *
 * @module
 */
import type { Peer, Session } from "../src/mod.ts";

/** Where clients come in. */
export const listen = "127.0.0.1:6188";

/** Everything this module may reach: the upstream, and the service. */
export const net = ["127.0.0.1:6189", "127.0.0.1:6191"];

/** The application behind. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:6189" }];

/** Every request that was let in goes to the one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}

/** Asks the service who this is; the application learns it from a field that no client can set. */
export async function requestFilter({ request: { headers } }: Session): Promise<Response | void> {
  headers.delete("x-user");
  const authorization = headers.get("authorization");
  if (authorization === null) return refusal();
  const answer = await fetch("http://127.0.0.1:6191/verify", {
    headers: { authorization },
    signal: AbortSignal.timeout(500),
  });
  await answer.body?.cancel();
  const user = answer.headers.get("x-user");
  if (!answer.ok || user === null) return refusal();
  headers.set("x-user", user);
}

function refusal(): Response {
  return new Response("not known here\n", { status: 401, headers: { "www-authenticate": "Bearer" } });
}
