/**
 * Pingora's `pingora-proxy/tests`, test by test, without those on compression, upgrades and the cache, which are not
 * offered here.
 *
 * @module
 */
import { by, NO, type Table } from "./coverage.ts";
import { STALE, UPLOAD } from "./coverage_guards.ts";

const HTTP2_UPSTREAM = by(
  "upstream/http2_test.ts",
  "a GET by HTTP/2: pseudo-fields from the request, no field of a connection, and the response as sent",
);
const H2LOAD = by(
  "e2e/tls_clients_test.ts",
  "h2load sees no request fail by HTTP/2 and HTTP/1.1 with Deno.serve ${how}",
);
const NO_SHARE = "peers that differ in ${differ} do not share a connection";
const HTTP2 = "HTTP/2: a request that names its host in :authority alone reaches the origin with that Host";
const HTTP2_UPLOAD = "HTTP/2: an upload of 300 KB without length, and as large an answer, arrive whole";
const SOCKET = by("e2e/run_test.ts", "run listens on a Unix socket and forwards to one");
const OTHER_NAME = by("upstream/tls_test.ts", "a certificate for another name is refused");

/** Proxying and protocols. */
export const BASIC: Table = {
  test_origin_alive: ["every test here has an origin of its own"],
  test_simple_proxy: [
    by("proxy/basic_test.ts", "a GET is forwarded and its body comes back unchanged"),
    by(
      "proxy/hooks_test.ts",
      "connectedToUpstream says whom it is connected to, from where, and whether again",
    ),
    NO.bind,
  ],
  test_h2_to_h1: [by("downstream/http2_test.ts", HTTP2), H2LOAD],
  test_h2_to_h2: [by("downstream/http2_test.ts", HTTP2), H2LOAD, HTTP2_UPSTREAM],
  test_h2c_to_h2c: [by("downstream/http2_test.ts", HTTP2), HTTP2_UPSTREAM],
  test_h1_on_h2c_port: [
    by("downstream/http2_streams_test.ts", "HTTP/2: other clients are served HTTP/1.1 on the same port"),
  ],
  test_h2_to_h2_host_override: [
    by(
      "downstream/http2_streams_test.ts",
      "HTTP/2: the Host that upstreamRequestFilter sets is what the origin gets",
    ),
    HTTP2_UPSTREAM,
  ],
  test_h2_to_h2_upload: [
    by("downstream/http2_test.ts", HTTP2_UPLOAD),
    by("upstream/http2_test.ts", "${what} goes there and back by HTTP/2"),
  ],
  test_h2_to_h1_upload: [by("downstream/http2_test.ts", HTTP2_UPLOAD)],
  test_h2_head: [
    by(
      "downstream/http2_test.ts",
      "HTTP/2: ${what} from the origin is an answer without a body",
      "HEAD with a length",
    ),
    by("downstream/http2_streams_test.ts", "HTTP/2: after a HEAD's answer the connection goes on"),
  ],
  test_simple_proxy_uds: [SOCKET],
  test_simple_proxy_uds_peer: [SOCKET],
  test_connect_close: [
    by(
      "downstream/keep_alive_test.ts",
      "a client's connection is kept until the client asks to close it: behind ${who}",
    ),
    "an answer does not say keep-alive, which HTTP/1.1 takes for granted",
  ],
};

/** Pooled connections that turn out to be dead. */
export const DROPPED: Table = {
  "test_dropped_conn: GET": [by("proxy/retry_test.ts", STALE, "GET")],
  "test_dropped_conn: POST with an empty body": [
    by("proxy/retry_test.ts", STALE, "POST without a body"),
    "a POST that may have been read is never sent twice: 502 where Pingora tries again",
  ],
  "test_dropped_conn: POST with a body": [
    by("proxy/retry_test.ts", STALE, "POST with a body", "PUT with a body"),
    "as above; a PUT is what is replayed",
  ],
  "test_dropped_conn: POST with 64 KiB and a byte": [
    by("proxy/retry_test.ts", STALE, "PUT with a body of 64 KiB", "PUT with a body of 64 KiB and a byte"),
  ],
};

/** TLS to upstreams. */
export const TLS: Table = {
  test_tls_no_verify: [
    by("upstream/tls_test.ts", "an empty server name is refused before anything is connected"),
    by("upstream/tls_test.ts", "verifyName false does not accept an unknown CA"),
    "the chain is always verified",
  ],
  test_tls_verify_sni_not_host: [
    by("upstream/tls_test.ts", "verifyName false accepts a certificate for another name"),
  ],
  test_tls_none_verify_host: [
    by(
      "upstream/tls_test.ts",
      "without a server name, a certificate not made out to the address's host is refused",
    ),
    "a name that is not given does not switch verification off",
  ],
  test_tls_verify_sni_host: [
    by(
      "upstream/tls_test.ts",
      "a server name apart from the address is what the certificate is held against",
    ),
  ],
  test_tls_underscore_sub_sni_verify_host: [
    by("upstream/tls_test.ts", "a wildcard certificate holds for a name with an underscore"),
  ],
  test_tls_underscore_non_sub_sni_verify_host: [OTHER_NAME],
  test_tls_alt_verify_host: [NO.alternativeNames],
  test_tls_underscore_sub_alt_verify_host: [NO.alternativeNames],
  test_tls_underscore_non_sub_alt_verify_host: [OTHER_NAME, NO.alternativeNames],
  test_mtls_no_client_cert: [NO.clientCertificates],
  test_mtls_no_intermediate_cert: [NO.clientCertificates],
  test_mtls: [NO.clientCertificates],
  test_mtls_diff_cert_no_reuse: [by("upstream/tls_test.ts", NO_SHARE, "group"), NO.clientCertificates],
  test_tls_diff_verify_no_reuse: [by("upstream/tls_test.ts", NO_SHARE, "caCerts", "tls")],
  test_tls_diff_verify_host_no_reuse: [by("upstream/tls_test.ts", NO_SHARE, "verifyName")],
  test_tls_diff_alt_cnt_no_reuse: [by("upstream/tls_test.ts", NO_SHARE, "serverName"), NO.alternativeNames],
  test_tls_psk: [NO.psk],
  test_tls_psk_invalid: [NO.psk],
};

/** CONNECT, interim responses, errors. */
export const ERRORS: Table = {
  test_connect_proxying_disallowed_h1: [
    by("downstream/methods_test.ts", "CONNECT is answered with 405 and Allow, whatever its target"),
  ],
  test_connect_proxying_disallowed_h2: [
    by("downstream/http2_streams_test.ts", "HTTP/2: CONNECT is answered with 405, and no upstream is asked"),
    "the answer has the usual short text as its body",
  ],
  test_connect_proxying_allowed_h1: [
    "Deno.serve reads on for requests behind a CONNECT it answered with 200: no option can allow it",
  ],
  test_error_before_headers_sent: [
    by(
      "downstream/http2_streams_test.ts",
      "HTTP/2: an upstream that dies before its head is a 502, not a wait",
    ),
  ],
  test_error_after_headers_sent_rst_received: [
    by(
      "downstream/http2_streams_test.ts",
      "HTTP/2: an upstream that dies in its body ends the stream with an error: ${framing}",
    ),
    "Deno.serve says INTERNAL_ERROR rather than CANCEL",
  ],
  test_103: [
    by(
      "upstream/interim_test.ts",
      "interim responses are skipped: ${one.name}",
      "103 in a packet of its own, whose fields are dropped",
    ),
    by("upstream/framing_test.ts", "framing of a response: ${one.name}", "bytes behind a content-length"),
    by(
      "downstream/tcp/interim_test.ts",
      "interim responses reach an HTTP/1.1 client: ${what}",
      "103 with its fields",
    ),
    "Deno.serve sends no interim responses",
  ],
  test_103_die: [
    by(
      "upstream/interim_test.ts",
      "interim responses that lead nowhere are a 502, with no second attempt: ${name}",
      "103, then the connection dies",
    ),
    by(
      "downstream/tcp/interim_test.ts",
      "an upstream that dies behind an interim response is a 502 behind it",
    ),
  ],
};

/** What upstreams do, uploads, time-outs. */
export const UPSTREAM: Table = {
  test_ip_binding: [NO.bind],
  test_duplex: [
    by("proxy/streaming_test.ts", "an early answer goes on while the upload does: both arrive whole"),
    by(
      "downstream/tcp/early_answers_test.ts",
      "an upstream's early answer streams on beside the upload, and both are whole",
    ),
    "Deno.serve closes the client's connection when an answer begins before the upload ended",
  ],
  test_connection_die: [
    by(
      "upstream/broken_response_test.ts",
      "a truncated response never looks complete: the upstream goes after ${name}",
    ),
    by(
      "upstream/broken_response_test.ts",
      "a response that is reset in its body never looks complete: ${framing}",
    ),
  ],
  test_upload_connection_die: [
    by(
      "proxy/streaming_test.ts",
      "an origin that answers 413 and closes at once: the client gets that, or a 502, and never waits",
    ),
    "Pingora leaves it out, as here: a reset may overtake the answer",
  ],
  test_upload: [
    by(
      "proxy/uploads_test.ts",
      UPLOAD,
      "15 MB at once",
    ),
  ],
  test_close_on_response_before_downstream_finish: [
    by(
      "proxy/streaming_test.ts",
      "${code} sent before an upload ${name} ends is relayed, and the connection not used again",
    ),
    by(
      "downstream/tcp/early_answers_test.ts",
      "a rest that is not short, or of unknown length, closes the connection, and is never a request",
    ),
    by(
      "downstream/tcp/early_answers_test.ts",
      "a short rest of an upload with ${framing} costs no connection",
    ),
    "no option: what is left of the upload decides, and Deno.serve always closes the client's connection then",
  ],
  test_download_timeout: [
    by(
      "proxy/slow_reader_test.ts",
      "a client that takes nothing for clientWriteTimeout is given up, and the upstream's connection closed",
    ),
  ],
  test_download_timeout_min_rate: [
    by(
      "downstream/tcp/slow_readers_test.ts",
      "a client that takes less than minRate on average is cut off, though never silent for writeTimeout",
    ),
    "Deno.serve knows no rates",
  ],
  test_h2_upstream_no_end_stream_read_timeout: [
    by("upstream/http2_failures_test.ts", "an upstream that keeps back ${what} is given up in time"),
  ],
  test_head_with_100_continue: [
    by(
      "upstream/tempting_test.ts",
      "no body is waited for, nor made: ${one.name}",
      "a HEAD's answer behind 100",
    ),
  ],
};
