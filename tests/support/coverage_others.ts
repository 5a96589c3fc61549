/**
 * What the test-suites of http-proxy-middleware and of Go's ReverseProxy guard.
 *
 * @module
 */
import { by, type Table } from "./coverage.ts";
import {
  END_TO_END,
  EVENTS,
  FRAMED,
  NAMED,
  NO_TE,
  NO_TRAILERS,
  REFUSED_TARGET,
  TE,
  TRAILERS,
  UNASKED_101,
  WAITING,
} from "./coverage_guards.ts";

const CUT = "a truncated response never looks complete: the upstream goes after ${name}";

/** http-proxy-middleware. */
export const MIDDLEWARE: Table = {
  "a fragment is not sent on": [by("downstream/target_test.ts", REFUSED_TARGET, "a fragment")],
  "a host is matched whole": [
    by("downstream/host_test.ts", "isHost: ${what} makes no host"),
    by(
      "proxy/router_test.ts",
      "a host comes before a wildcard, a longer wildcard before a shorter, and all before no host",
    ),
  ],
  "ECONNRESET is a 502 with a body": [
    by(
      "downstream/error_pages_test.ts",
      "the answer to ${what} is ${status} and names only itself and the request id",
      "an upstream that hangs up",
    ),
  ],
  "ENOTFOUND is a 502": [
    by(
      "upstream/reaching_test.ts",
      "an upstream whose name cannot be resolved is a 502, and the client is not told the name",
    ),
  ],
  "edits of headers do not leak": [
    by(
      "proxy/edits_leak_test.ts",
      "what ${hook} edits for one request does not show in the next, over ${clients} and one upstream's",
      "one client connection",
      "two client connections",
    ),
  ],
  "204 and 304 with Content-Encoding": [
    by(
      "upstream/tempting_test.ts",
      "no body is waited for, nor made: ${one.name}",
      "204 with a content coding",
      "304 with a content coding",
    ),
  ],
  "trailers and a length are not both sent": [
    NO_TRAILERS,
    by(
      "downstream/tcp/trailers_test.ts",
      'the trailers of a response that is there in one packet are kept: ${body ? "hello" : "no content"}',
    ),
  ],
  "QUERY with a body": [
    by("proxy/passed_on_test.ts", "QUERY with a body, sent with ${framing}, arrives as it was"),
  ],
  "a Unix socket as upstream": [by("e2e/run_test.ts", "run listens on a Unix socket and forwards to one")],
  "graceful close": [
    by("e2e/stop_test.ts", "${signal} refuses new connections, answers the request under way and exits 0"),
  ],
};

/** Go's httputil.ReverseProxy. */
export const GO: Table = {
  "fields that Connection names are dropped both ways": [
    NAMED,
    by("downstream/hop_by_hop_test.ts", "neither hooks nor their answers carry hop-by-hop fields"),
  ],
  "Te: trailers is the only TE": [TE, NO_TE],
  "trailers are passed": [TRAILERS, NO_TRAILERS, "Deno.serve takes no trailers"],
  "a backend that hangs up is a 502": [
    by("proxy/retry_test.ts", "a new connection that dies without an answer is not tried again"),
  ],
  "the queries of target and request are merged": ["an upstream is an address, without path or query"],
  "no User-Agent is invented": [END_TO_END],
  "POST of 1 MB": [
    by("downstream/sizes_test.ts", "an upload of 1 MB reaches the origin byte for byte: ${framing}"),
  ],
  "a GET without body sends no Transfer-Encoding": [by("downstream/methods_test.ts", FRAMED, "GET")],
  "a body that is too short cuts the answer": [
    by(
      "upstream/broken_response_test.ts",
      CUT,
    ),
  ],
  "server-sent events are flushed at once": [EVENTS],
  "cancellation reaches the backend": [WAITING],
  "101 only if the client asked for it": [UNASKED_101],
};
