/**
 * What the test-suites of node-http-proxy, http-proxy-3, fastify-http-proxy and reply-from guard.
 *
 * @module
 */
import { by, NO, type Table } from "./coverage.ts";
import {
  END_TO_END,
  EVENTS,
  FORWARDED,
  FRAMED,
  NAMED,
  NO_TE,
  NO_UPGRADE,
  REFUSED_TARGET,
  SILENT,
  STALE,
  TARGET,
  TE,
  UNASKED_101,
  UPLOAD,
  WAITING,
} from "./coverage_guards.ts";

/** node-http-proxy and http-proxy-3. */
export const NODE_HTTP_PROXY: Table = {
  "GET and POST through": [
    by("proxy/basic_test.ts", "a GET is forwarded and its body comes back unchanged"),
    by("proxy/uploads_test.ts", UPLOAD),
  ],
  "server-sent events arrive event by event": [EVENTS],
  "an upstream slower than the time-out": [SILENT],
  "an empty Host does not throw": [
    by(
      "downstream/host_test.ts",
      "a request whose Host has ${what} is answered with 400 and not forwarded",
      "no name",
    ),
  ],
  "all Set-Cookie are kept": [
    by(
      "downstream/hop_by_hop_test.ts",
      "duplicate fields of a response all reach the client, each Set-Cookie on its own line",
    ),
  ],
  "DELETE and OPTIONS without body": [
    by("downstream/methods_test.ts", FRAMED, "DELETE", "OPTIONS"),
    "they get no length at all, which says the same as the length 0 that is expected there",
  ],
  "X-Forwarded-* set and appended": [by("downstream/forwarded_test.ts", FORWARDED)],
  "X-Forwarded-Host from HTTP/2's authority": [
    by(
      "downstream/http2_test.ts",
      "HTTP/2: a request that names its host in :authority alone reaches the origin with that Host",
    ),
  ],
  "HTTP/1.0 clients": [
    by(
      "downstream/methods_test.ts",
      "a HTTP/1.0 client gets a chunked response as plain bytes up to the end of the connection",
    ),
    by(
      "downstream/methods_test.ts",
      "a HTTP/1.0 client that asks for keep-alive may send more requests; the origin gets HTTP/1.1",
    ),
  ],
  "an upstream's Connection does not reach HTTP/2": [
    by(
      "downstream/http2_streams_test.ts",
      "HTTP/2: what an upstream says of its own connection does not reach the client",
    ),
  ],
  "status and reason are copied": [
    by(
      "proxy/basic_test.ts",
      "status, duplicate Set-Cookie and unusual header values come back as the upstream sent them",
    ),
    by(
      "downstream/tcp/verbatim_test.ts",
      "the upstream's status and reason are the client's: ${JSON.stringify(line)}",
    ),
    "Deno.serve writes each status's usual reason",
  ],
  "http to https": [
    by("upstream/tls_test.ts", "only HTTP/1.1 is asked for by ALPN, and a connection over TLS is used again"),
  ],
  "https to http, https to https": [
    by(
      "e2e/tls_listener_test.ts",
      "a listener with TLS answers HTTP/1.1, tells the upstream of https, and takes https: targets alone",
    ),
  ],
  "a self-signed upstream is refused": [
    by("upstream/tls_test.ts", "a certificate of an unknown CA is refused"),
  ],
  "Authorization is kept": [END_TO_END],
  "the query is never altered": [
    by("downstream/target_test.ts", TARGET, "the query stays to the letter", "empty segments stay"),
  ],
  "Location and cookies are rewritten": [
    by("proxy/passed_on_test.ts", "a ${status} is passed on and not followed, its Location to the letter"),
    NO.rewriting,
  ],
  "an IPv6 upstream and its Host": [
    by(
      "upstream/reaching_test.ts",
      "an upstream with an IPv6 address is reached, and told the client's Host",
    ),
  ],
  "a request's Trailer does not hang": [
    by("downstream/hop_by_hop_test.ts", "hop by hop, not sent on to the origin: ${what}", "Trailer"),
    by(
      "downstream/smuggling_test.ts",
      "forwarded as one request: ${what}",
      "trailers are dropped, with their announcement",
    ),
    by("downstream/tcp/trailers_test.ts", "a request's trailers: ${title}"),
  ],
  "WebSocket": [
    by(
      "downstream/tcp/tunnel_websocket_test.ts",
      "text, binary and a message of 1 MB come back through a WebSocket",
    ),
    by(
      "downstream/tcp/tunnel_websocket_test.ts",
      "a client's close code and reason reach the origin, and the other way round",
    ),
    by("downstream/tcp/tunnel_websocket_test.ts", "extensions are between client and origin"),
    by("downstream/websocket/messages_test.ts", "texts and bytes of every size come back as they were"),
    NO_UPGRADE,
    UNASKED_101,
    NO.upgrade,
  ],
};

/** fastify-http-proxy and reply-from. */
export const FASTIFY: Table = {
  "redirects are passed, not followed": [
    by("proxy/passed_on_test.ts", "a ${status} is passed on and not followed, its Location to the letter"),
  ],
  "path traversal cannot leave a prefix": [
    by("downstream/target_test.ts", TARGET, "dot segments are resolved", "encoded dots are dots"),
    by("downstream/target_test.ts", REFUSED_TARGET, "a dot segment next to an encoded slash or backslash"),
  ],
  "the query is kept when the path is rewritten": [
    by("proxy/hook_edits_test.ts", "what upstreamRequestFilter makes of the request is what the origin gets"),
  ],
  "Location is rewritten back to the prefix": [NO.rewriting],
  "an upstream's time-out is a 504": [SILENT],
  "only idempotent methods are tried again": [
    by(
      "proxy/retry_test.ts",
      STALE,
      "DELETE",
      "PATCH with a body",
    ),
  ],
  "503 with Retry-After is tried again for GET": [
    by("proxy/passed_on_test.ts", "a ${status} with Retry-After is passed on and not asked for again"),
    "only what was not answered is tried again; an answer is the client's to act on",
  ],
  "fields that Connection names are dropped": [NAMED],
  "%2E%2E in a rewritten path is a 400": [
    by("downstream/target_test.ts", TARGET, "encoded dots are dots"),
    "it is resolved before any hook sees it",
  ],
  "a JSON body with an odd type is not parsed": [by("proxy/uploads_test.ts", UPLOAD)],
  "no key glued from upstream and path": [
    by("upstream/pool_test.ts", "peers of other addresses do not share a connection"),
    by("upstream/tls_test.ts", "peers that differ in ${differ} do not share a connection"),
  ],
  "an aborted request ends the upstream's": [WAITING],
  "cancelled streams of HTTP/2 are cleaned up": [
    by(
      "downstream/http2_streams_test.ts",
      "HTTP/2: a client that resets its stream ends the upstream's work, and its other streams go on",
    ),
  ],
  "an upstream crashes and recovers": [
    by(
      "upstream/pool_test.ts",
      "an idle connection that ${name} leaves the pool and is closed",
      "its upstream closes",
    ),
    by(
      "balance/load_balancer_test.ts",
      "behind a proxy, requests go to the origins in turn, and past a dead one at a second attempt",
    ),
    by(
      "upstream/http2_failures_test.ts",
      "a request that GOAWAY leaves out goes to a new connection, a POST as well, and costs no attempt",
    ),
  ],
  "an invalid answer is a 502": [
    by("upstream/broken_response_test.ts", "a malformed response is a 502 and costs its connection: ${name}"),
  ],
  "HEAD and GET without a body send none": [by("downstream/methods_test.ts", FRAMED, "GET", "HEAD")],
  "te: trailers is kept": [TE, NO_TE, "Deno.serve takes no trailers, so that none are asked for there"],
};
