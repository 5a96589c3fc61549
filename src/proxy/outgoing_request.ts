/**
 * The request as the upstream will see it.
 *
 * @module
 */
import { setForwarded } from "../downstream/forwarded.ts";
import { keepOneHost } from "../downstream/host.ts";
import { type HeaderList, isName } from "../http/headers.ts";
import { isHopByHop } from "../http/hop_by_hop.ts";
import type { FrontRequest } from "../downstream/front.ts";
import type { Target } from "../upstream/peer.ts";
import type { RequestHead } from "./hooks.ts";
import type { RequestState } from "./request_state.ts";

/** A copy of the session's request for one attempt, with what the upstream is told of the client. */
export function outgoingRequest(
  { request, front, clientAddress, scheme, id, shared }: RequestState,
): RequestHead {
  const headers = request.headers.clone();
  const { claims, givenId } = front;
  const edited = shared.hooks.requestFilter !== undefined;
  setForwarded(headers, {
    client: clientAddress,
    scheme,
    host: front.host,
    trusted: claims === undefined || shared.trusted(clientAddress),
    hasClaims: edited || claims !== undefined,
    claims,
  });
  if (givenId === null && !edited) headers.lines.push("x-request-id", id);
  else setRequestId(headers, givenId, id);
  return { method: request.method, target: request.target, headers };
}

/** Framing and the connection are the proxy's: what a hook set of them is taken out. One Host goes out. */
export function reframe(headers: HeaderList, { address, label }: Target): void {
  headers.removeIf((name) => isHopByHop(name) || isName(name, "content-length") || isName(name, "expect"));
  keepOneHost(headers, address.transport === "tcp" ? label : "localhost");
}

/** Adds the fields of this connection that ask the upstream for what the client asked of the proxy. */
export function addOwn(headers: HeaderList, front: FrontRequest, isChunked: boolean): void {
  const { lines } = headers;
  if (front.upgrade !== null) lines.push("connection", "upgrade", "upgrade", front.upgrade);
  if (front.takesTrailers) lines.push("connection", "te", "te", "trailers");
  if (front.expectsContinue) lines.push("expect", "100-continue");
  if (!isChunked) headers.delete("trailer");
}

/** One id goes out: what a hook set, otherwise that of the session, which the client's may not have been fit for. */
function setRequestId(headers: HeaderList, given: string | null, id: string): void {
  const isTheirs = headers.get("x-request-id") === given;
  headers.set("x-request-id", (isTheirs ? undefined : headers.getAll("x-request-id").at(-1)) ?? id);
}
