/**
 * The hooks of a sandboxed module as functions of the proxy: each sends a view across and carries out what comes back.
 *
 * @module
 */
import type { ProxyError } from "../http/errors.ts";
import { HeaderList } from "../http/headers.ts";
import type { FilteredChunk, ProxyModule, RequestHead, ResponseHead, Session } from "../proxy/hooks.ts";
import type { Place } from "./hook_workers.ts";
import { type HookName, packFields, refillFields, type SessionView } from "./protocol.ts";
import type { RemotePeers } from "./remote_peers.ts";

/** Calls a hook in a worker; undefined when it has nothing to say, or failed and the module is not essential. */
export type RemoteCall = (
  hook: HookName,
  place: Place,
  session: SessionView,
  args: readonly unknown[],
) => Promise<unknown>;

/** The hooks that a module exports, each by way of `call`; the context of a request is its place in a worker. */
export function remoteHooks(call: RemoteCall, peers: RemotePeers): Required<
  Omit<
    ProxyModule<Place>,
    | "newContext"
    | "listen"
    | "listener"
    | "net"
    | "permissions"
    | "upstreams"
    | "options"
    | "backgroundServices"
  >
> {
  const view = (session: Session): SessionView => {
    const { method, target, headers } = session.request;
    return [
      session.id,
      session.clientAddress,
      session.scheme,
      method,
      target,
      packFields(headers),
      session.attempts,
      session.status,
      session.bytesSent,
      session.bytesReceived,
      session.elapsed,
      session.tried.map((peer) => peers.textOf(peer)),
      session.upgrade,
    ];
  };
  const verdict = async (
    hook: "failToConnect" | "errorWhileProxy",
    args: Parameters<NonNullable<ProxyModule<Place>["failToConnect"]>>,
  ) => {
    const [session, peer, error, place] = args;
    const again = await call(hook, place, view(session), [peers.textOf(peer), packError(error)]);
    return again === undefined ? undefined : again === true;
  };
  const filterResponse = async (hook: HookName, session: Session, response: ResponseHead, place: Place) => {
    const changed = await call(hook, place, view(session), [response.status, packFields(response.headers)]);
    if (changed === undefined) return;
    const [status, fields] = changed as [number, string];
    refillFields(response.headers, fields);
    response.status = status;
  };
  const filterBody = async (
    hook: HookName,
    session: Session,
    chunk: Uint8Array | null,
    end: boolean,
    place: Place,
  ) => await call(hook, place, view(session), [chunk, end]) as FilteredChunk;
  return {
    async requestFilter(session, place) {
      const result = await call("requestFilter", place, view(session), []);
      if (result === undefined) return;
      const [answer, head, peer] = result as [unknown, unknown, unknown];
      place.peer = peer;
      if (head !== undefined) applyHead(session.request, head);
      return answer === null ? undefined : unpackResponse(answer);
    },
    upstreamPeer(session, place) {
      const { peer } = place;
      place.peer = undefined;
      if (peer !== undefined) return peers.peerOf(peer);
      return call("upstreamPeer", place, view(session), []).then((peer) => peers.peerOf(peer));
    },
    failToConnect: (...args) => verdict("failToConnect", args),
    async connectedToUpstream(session, { peer, reused, localAddr }, place) {
      await call("connectedToUpstream", place, view(session), [peers.textOf(peer), reused, { ...localAddr }]);
    },
    async upstreamRequestFilter(session, request, place) {
      const { method, target, headers } = request;
      const head = await call("upstreamRequestFilter", place, view(session), [
        method,
        target,
        packFields(headers),
      ]);
      if (head !== undefined) applyHead(request, head);
    },
    requestBodyFilter: (session, chunk, end, place) =>
      filterBody("requestBodyFilter", session, chunk, end, place),
    upstreamResponseFilter: (session, response, place) =>
      filterResponse("upstreamResponseFilter", session, response, place),
    responseFilter: (session, response, place) => filterResponse("responseFilter", session, response, place),
    responseBodyFilter: (session, chunk, end, place) =>
      filterBody("responseBodyFilter", session, chunk, end, place),
    errorWhileProxy: (...args) => verdict("errorWhileProxy", args),
    async failToProxy(session, error, place) {
      const answer = await call("failToProxy", place, view(session), [packError(error)]);
      return answer === undefined ? undefined : unpackResponse(answer);
    },
    async logging(session, error, place) {
      await call("logging", place, view(session), [error && packError(error)]);
    },
  };
}

function packError({ type, message, retrySafe }: ProxyError): [string, string, boolean] {
  return [type, message, retrySafe];
}

function applyHead(request: RequestHead, head: unknown): void {
  const [method, target, fields] = head as [string, string, string];
  refillFields(request.headers, fields);
  request.method = method;
  request.target = target;
}

function unpackResponse(packed: unknown): Response {
  const [status, fields, body] = packed as [number, string, Uint8Array<ArrayBuffer> | null];
  const headers = new HeaderList();
  refillFields(headers, fields);
  return new Response(body, { status, headers: [...headers] });
}
