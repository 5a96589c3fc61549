/**
 * What users of proxies complained of, again and again, and what of it is for this one.
 *
 * @module
 */
import { by, type Table } from "./coverage.ts";
import { FORWARDED, NAMED, NO_TE, SILENT, STALE, TARGET, TE, UPLOAD, WAITING } from "./coverage_guards.ts";

const CUT = "a truncated response never looks complete: the upstream goes after ${name}";
const TRUST = 'trustCheck: [${list.join(", ")}] holds ${yes.join(", ") || "nobody"}, not ${no.join(", ")}';

/** What users of other proxies complained about, again and again. */
export const COMPLAINTS: Table = {
  "a client leaves before an upstream is connected": [
    by("proxy/client_gone_test.ts", "a client that leaves before there is an upstream: none is asked"),
  ],
  "a client leaves while waiting for the head": [WAITING],
  "a client leaves in the middle of a body, or of events": [
    by(
      "proxy/client_gone_test.ts",
      "a client that leaves in the middle of a body ${name}",
      "of known length",
      "in chunks",
    ),
  ],
  "a client leaves after an upgrade": [
    by(
      "downstream/tcp/tunnel_ends_test.ts",
      "a client that leaves before the 101 leaves no upstream connection behind",
    ),
    by(
      "downstream/tcp/many_tunnels_test.ts",
      "300 tunnels at once, which end in any order from either side, leave nothing behind",
    ),
  ],
  "one log line, 499 and counts back to 0 for a client that left": [
    WAITING,
    by("proxy/logging_test.ts", "one line in the access log and one call of logging for ${row.name}"),
  ],
  "an upstream refuses": [by("proxy/retry_test.ts", "an upstream that cannot be reached: ${name}")],
  "an upstream accepts and closes": [
    by("proxy/retry_test.ts", "a new connection that dies without an answer is not tried again"),
  ],
  "an upstream sends half a head or half a body": [
    by(
      "upstream/broken_response_test.ts",
      CUT,
      "a piece of the head",
      "all but a byte of content-length",
      "a piece of a chunk",
    ),
  ],
  "an upstream resets in its body": [
    by(
      "upstream/broken_response_test.ts",
      "a response that is reset in its body never looks complete: ${framing}",
    ),
  ],
  "an upstream hangs": [
    SILENT,
    by("upstream/timeouts_test.ts", "a response's body ${name} that stops coming is cut, not completed"),
  ],
  "a POST is sent once": [by("proxy/retry_test.ts", STALE, "POST without a body", "POST with a body")],
  "a GET may be tried elsewhere": [
    by("proxy/hooks_test.ts", "retries go back to upstreamPeer and nothing before it, with ${how} hooks"),
  ],
  "a pooled connection closed while idle": [
    by(
      "upstream/pool_test.ts",
      "an idle connection that ${name} leaves the pool and is closed",
      "its upstream closes",
    ),
    by(
      "upstream/unasked_test.ts",
      "a ${method} whose hook is slow is sent on another connection when the upstream begins to ${then}, without a retry",
    ),
    by("proxy/retry_test.ts", STALE, "GET", "POST with a body"),
    by("proxy/retry_test.ts", "a GET that a filter made a POST is delivered once"),
  ],
  "gzip, br and zstd bodies are byte-identical": [
    by(
      "upstream/body_bytes_test.ts",
      "a body labelled ${coding} is neither decoded nor relabelled: ${framing}",
      "gzip",
      "br",
    ),
    "a coding that is not known, such as zstd, has x-own in its place",
  ],
  "HEAD with a length, 204, 304": [
    by(
      "upstream/bodiless_test.ts",
      "framing of a response without body: ${one.name}",
      "HEAD with content-length",
      "204",
      "304",
    ),
  ],
  "an upload of 8 MiB in pieces of one byte and of 64 KiB": [
    by(
      "proxy/uploads_test.ts",
      UPLOAD,
      "256 KiB, one byte a write",
      "16 KiB, one byte a chunk",
      "8 MiB in pieces of 64 KiB",
      "8 MiB in pieces of odd sizes",
    ),
    "8 MiB byte by byte takes Deno.serve minutes",
  ],
  "an early 413 while uploading": [
    by(
      "proxy/streaming_test.ts",
      "${code} sent before an upload ${name} ends is relayed, and the connection not used again",
      "413 Content Too Large",
    ),
    by(
      "downstream/tcp/early_answers_test.ts",
      "a client that reads only when it has sent its MB in ${framing} gets the whole answer of ${who}",
      "the upstream",
    ),
    by(
      "downstream/sizes_test.ts",
      "a body whose length is beyond the limit is answered with 413, without waiting for it or for an upstream",
    ),
  ],
  "hop-by-hop fields both ways": [
    by("downstream/hop_by_hop_test.ts", "hop by hop, not sent on to the origin: ${what}"),
    by("downstream/hop_by_hop_test.ts", "hop by hop, not sent back to the client: ${what}"),
    NAMED,
  ],
  "Connection: x-forwarded-for": [
    by(
      "downstream/smuggling_hooks_test.ts",
      'a client that lists "${names}" in Connection breaks neither Host, nor framing, nor forwarded fields',
    ),
  ],
  "duplicate Set-Cookie": [
    by(
      "downstream/hop_by_hop_test.ts",
      "duplicate fields of a response all reach the client, each Set-Cookie on its own line",
    ),
  ],
  "TE: trailers": [TE, NO_TE],
  "a length with a coding, two lengths": [
    by("downstream/smuggling_test.ts", "refused with 400 and not forwarded: ${what}"),
  ],
  "two Hosts, no Host": [
    by(
      "downstream/host_test.ts",
      "a request with ${what} is answered with 400 and not forwarded",
      "two different Hosts",
      "no Host",
    ),
  ],
  "an absolute target for another host": [
    by(
      "downstream/host_test.ts",
      "a target in absolute form that is for another authority or scheme is answered with 400",
    ),
  ],
  "dot segments, plain and encoded, and empty ones": [
    by(
      "downstream/target_test.ts",
      TARGET,
      "dot segments are resolved",
      "encoded dots are dots",
      "empty segments stay",
    ),
  ],
  "CONNECT, TRACE, OPTIONS *": [
    by("downstream/methods_test.ts", "CONNECT is answered with 405 and Allow, whatever its target"),
    by("downstream/methods_test.ts", "TRACE is answered with 405 and Allow"),
    by("downstream/methods_test.ts", "OPTIONS * is forwarded as OPTIONS *, and hooks see it so"),
  ],
  "pipelined requests": [
    by(
      "downstream/smuggling_streams_test.ts",
      "pipelined requests are forwarded one after the other, in order, and answered in order",
    ),
    by("downstream/tcp/pipelining_test.ts", "quick requests behind a slow one wait for it"),
  ],
  "X-Forwarded-For by whom it is trusted from": [
    by(
      "downstream/forwarded_test.ts",
      FORWARDED,
      "an unknown client's claims are replaced, Via is kept",
      "a trusted client's claims are kept, its address appended",
    ),
  ],
  "trusted ranges, IPv4 mapped into IPv6": [
    by("downstream/forwarded_test.ts", TRUST, "10.0.0.0/8", "::ffff:10.0.0.0/104"),
  ],
  "SIGTERM drains, a second signal exits": [
    by("e2e/stop_test.ts", "${signal} refuses new connections, answers the request under way and exits 0"),
    by("e2e/stop_test.ts", "a second signal ends the process at once with exit code 1"),
  ],
  "a compiled program loads a hook from disk": [
    "it cannot: `run`, the name of one sample and its permissions are part of each program",
  ],
};
