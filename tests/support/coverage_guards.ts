/**
 * Tests that guard rows of several tables.
 *
 * @module
 */
import { by } from "./coverage.ts";

/** Clients that want to upgrade. */
export const NO_UPGRADE = by(
  "downstream/smuggling_hooks_test.ts",
  "a wish to upgrade to ${upgrade} does not reach the origin",
  "websocket",
);

/** Upstreams that upgrade unasked. */
export const UNASKED_101 = by(
  "upstream/interim_test.ts",
  "interim responses that lead nowhere are a 502, with no second attempt: ${name}",
  "101 that nobody asked for",
);

/** Fields of a request, all of them. */
export const END_TO_END = by(
  "downstream/hop_by_hop_test.ts",
  "end-to-end fields of a request reach the origin with their values untouched",
);

/** Events as they come. */
export const EVENTS = by(
  "proxy/streaming_test.ts",
  "server-sent events arrive one by one, as they are written",
);

/** Upstreams that do not answer. */
export const SILENT = by(
  "upstream/timeouts_test.ts",
  "${name} is a 504 with flag ${flag}, and the upstream connection is closed",
  "an upstream that does not answer",
);

/** Clients that leave. */
export const WAITING = by("proxy/client_gone_test.ts", "a client that leaves while waiting for the response");

/** What is made of TE, where trailers end here. */
export const NO_TE = by(
  "downstream/trailers_test.ts",
  "TE: ${te} is dropped, with and without Connection naming it",
  "trailers",
);

/** What is made of a response's trailers there. */
export const NO_TRAILERS = by(
  "downstream/trailers_test.ts",
  'a response\'s trailers are dropped, its body is whole: ${announced ? "" : "not "}announced',
);

/** What is made of TE by the own server. */
export const TE = by(
  "downstream/tcp/trailers_test.ts",
  "what the upstream is told of trailers: ${JSON.stringify(lines)}",
);

/** What is made of a response's trailers by the own server. */
export const TRAILERS = by("downstream/tcp/trailers_test.ts", "a response's trailers: ${title}");

/** Fields that Connection names. */
export const NAMED = by(
  "downstream/hop_by_hop_test.ts",
  "${JSON.stringify(connection)} names the fields that end here, on both ways",
);

/** Title of the tests on forwarded fields. */
export const FORWARDED = "forwarded fields: ${what}";

/** Title of the tests on requests without a body. */
export const FRAMED = "${method} without a body is forwarded with [${fields}] as its framing";

/** Title of the tests on targets made normal. */
export const TARGET = "normalTarget: ${rule}";

/** Title of the tests on targets refused. */
export const REFUSED_TARGET = "normalTarget: ${why} is refused";

/** Title of the tests on long uploads. */
export const UPLOAD = "an upload arrives byte for byte, and its echo does: ${what}, ${framing}";

/** Title of the tests on pooled connections that turn out to be dead. */
export const STALE = "a reused connection that dies with the request read: ${name} is answered ${status}";
