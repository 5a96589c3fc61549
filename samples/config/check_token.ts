/**
 * A hook for `sandboxed_auth.yaml`: lets requests through whose token a service knows.
 *
 * @module
 */
import type { Session } from "../../src/mod.ts";

/** All that this module can reach: its sandbox holds it to that. */
export const net = ["127.0.0.1:6191"];

/** Asks the service about the request's token. */
export async function requestFilter({ request, signal }: Session): Promise<Response | void> {
  const authorization = request.headers.get("authorization");
  if (authorization === null) return new Response("a token is needed\n", { status: 401 });
  const answer = await fetch("http://127.0.0.1:6191/check", { headers: { authorization }, signal });
  await answer.body?.cancel();
  if (!answer.ok) return new Response("the token is not known\n", { status: 403 });
}
