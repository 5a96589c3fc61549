/**
 * Random requests: valid ones together with what they mean, and mutated ones.
 *
 * @module
 */
import type { Random } from "./random.ts";
import { addField, chunks, INSERTED, mutate } from "./response_maker.ts";

/** A valid request and what a reader has to make of it. */
export interface MadeRequest {
  /** The bytes, as latin-1. */
  text: string;
  /** Its head alone. */
  head: string;
  /** The method. */
  method: string;
  /** The target, in its normal form. */
  target: string;
  /** 1 for HTTP/1.1. */
  minor: number;
  /** Names and values in turns: those that are passed on, Host not among them. */
  lines: string[];
  /** The body, null when there is none. */
  body: string | null;
  /** Whether another request may follow. */
  keepAlive: boolean;
}

const METHODS = [
  "GET",
  "GET",
  "POST",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "HEAD",
  "OPTIONS",
  "M-SEARCH",
  "get",
  "_",
];
/** As sent, and in the normal form. */
const TARGETS: [sent: string, normal: string][] = [
  ["/", "/"],
  ["/a/b", "/a/b"],
  ["/a/../b/./c?x=/../y", "/b/c?x=/../y"],
  ["/%7ea%2f?%zz", "/~a%2f?%zz"],
  ["/\xc3\xa9?\xc3\xa9", "/%C3%A9?\xc3\xa9"],
  ["http://a/b?c", "/b?c"],
  ["HTTP://A:80?q", "/?q"],
];

/** What a request may be made with. */
export interface Wishes {
  /** Whether all of them have to allow another one behind them, and use nothing that a front may lack. */
  plain?: boolean;
}

/** Makes a valid request. */
export function makeRequest(random: Random, { plain = false }: Wishes = {}): MadeRequest {
  const method = random.pick(METHODS);
  const [sent, target] = random.pick(TARGETS);
  const minor = !plain && random.once(8) ? 0 : 1;
  const framing = random.pick(minor === 0 ? ["length", "none"] : ["length", "chunked", "none", "none"]);
  const lines: string[] = [];
  const fields: string[] = [];
  for (let n = random.below(6); n > 0; n--) addField(random, lines, fields);
  const place = () => random.below(fields.length + 1);
  let keepAlive = minor === 1;
  if (!plain && random.once(4)) {
    const value = random.pick(["close", "Close, x-gone", "keep-alive", "x-gone, Keep-Alive"]);
    keepAlive = /keep-alive/i.test(value);
    fields.splice(place(), 0, `${random.pick(["Connection", "connection"])}: ${value}`);
    if (value.includes("x-gone")) fields.splice(place(), 0, "X-Gone: 1");
  }
  if (random.once(6)) {
    fields.splice(place(), 0, random.pick(["Keep-Alive: 9", "TE: trailers", "Proxy-Connection: x"]));
  }
  let payload = "";
  let body: string | null = null;
  if (framing !== "none") {
    payload = body = random.once(8) ? "" : random.text("\0\r\n\t :;0GET /HTTP1.\xff", 1 + random.length());
  }
  if (framing === "length") {
    fields.splice(
      place(),
      0,
      `Content-Length:${random.pick(["", " ", "\t "])}${random.pick(["", "00"])}${body!.length}`,
    );
  } else if (framing === "chunked") {
    fields.splice(place(), 0, `Transfer-Encoding: ${random.pick(["chunked", "Chunked", "CHUNKED\t"])}`);
    payload = chunks(random, body!);
  }
  fields.splice(place(), 0, random.pick(["Host: a", "host:a", "HOST: \ta "]));
  const head = [`${method} ${sent} HTTP/1.${minor}`, ...fields, "", ""].join("\r\n");
  return { text: head + payload, head, method, target, minor, lines, body, keepAlive };
}

const INTO_REQUESTS = [
  ...INSERTED.filter((text) => !text.startsWith("HTTP/")),
  ...[
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: a\r\n",
    "Host: b\r\n",
  ],
  ...["GET /evil HTTP/1.1\r\nHost: a\r\n\r\n", "0\r\n\r\n", "/", "#", "?", " HTTP/1.1", "%", "_", "\xc3"],
];

/** Changes a request in a few places, mostly in its beginning. */
export function mutateRequest(random: Random, text: string): string {
  return mutate(random, text, INTO_REQUESTS);
}
