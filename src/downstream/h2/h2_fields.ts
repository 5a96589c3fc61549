/**
 * The fields of a request by HTTP/2, held against RFC 9113 section 8.
 *
 * @module
 */
import { MALFORMED } from "../../http/hpack/decoder.ts";
import { HeaderList } from "../../http/headers.ts";
import { refused } from "../refused.ts";
import type { ProxyError } from "../../http/errors.ts";

const COLON = 58;
const PSEUDO = [":method", ":scheme", ":authority", ":path", ":protocol"];
/** What HTTP/2 says in another way, RFC 9113 section 8.2.2. */
const OF_CONNECTION = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
/** For the next hop alone, which is this one. */
const FOR_PROXY = new Set(["proxy-authorization", "proxy-authenticate", "http2-settings"]);

/** What a header block of a request says. */
export interface RequestFields {
  /** The pseudo-fields by name. */
  readonly pseudo: ReadonlyMap<string, string>;
  /** The fields that are passed on, Cookie in one line. */
  readonly lines: string[];
  /** The fields that are not. */
  readonly host: string[];
  readonly length: string[];
  readonly te: string;
  readonly expect: string;
  /** What is wrong with it, the first thing. */
  readonly problem: ProxyError | undefined;
}

/** Sorts the fields of a request. */
export function requestFields(fields: readonly string[]): RequestFields {
  const pseudo = new Map<string, string>();
  const lines: string[] = [];
  const host: string[] = [];
  const length: string[] = [];
  let te = "";
  let expect = "";
  let cookie = -1;
  let isPastPseudo = false;
  let problem: ProxyError | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    if (name.charCodeAt(0) === COLON) {
      if (isPastPseudo || !PSEUDO.includes(name) || pseudo.has(name)) {
        problem ??= refused(`${name} is unknown, repeated or behind other fields`);
      }
      pseudo.set(name, value);
      continue;
    }
    isPastPseudo = true;
    if (name === MALFORMED) problem ??= refused("a header field is malformed");
    else if (OF_CONNECTION.has(name)) problem ??= refused(`it has the field ${name}, which HTTP/2 lacks`);
    else if (FOR_PROXY.has(name)) continue;
    else if (name === "host") host.push(value);
    else if (name === "content-length") length.push(value);
    else if (name === "expect") expect = value;
    else if (name === "te") {
      if (value.toLowerCase() !== "trailers") problem ??= refused(`te is ${JSON.stringify(value)}`);
      te = value;
    } else if (name === "cookie" && cookie >= 0) {
      lines[cookie] += `; ${value}`;
    } else {
      if (name === "cookie") cookie = lines.length + 1;
      lines.push(name, value);
    }
  }
  return { pseudo, lines, host, length, te, expect, problem };
}

/** The trailer fields of a request, or what is wrong with them. */
export function trailerFields(fields: readonly string[]): HeaderList | ProxyError {
  const trailers = new HeaderList();
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name === MALFORMED || name.charCodeAt(0) === COLON || OF_CONNECTION.has(name)) {
      return refused("a trailer field is malformed");
    }
    trailers.lines.push(name, fields[i + 1]!);
  }
  return trailers;
}
