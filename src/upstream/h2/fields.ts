/**
 * The fields of requests and responses as HTTP/2 has them, RFC 9113 section 8.
 *
 * @module
 */
import { UNTIL_CLOSE } from "../../http/body_reading.ts";
import { declaredLength } from "../../http/framing.ts";
import { HeaderList } from "../../http/headers.ts";
import { MALFORMED } from "../../http/hpack/decoder.ts";
import { isHopByHop } from "../../http/hop_by_hop.ts";
import { checkRequestLine, type RequestFraming, type RequestLine } from "../request_head.ts";
import { bad, type ResponseHead } from "../response_head.ts";

const COLON = 58;
/** What HTTP/2 says in another way, RFC 9113 section 8.2.2. */
const OF_CONNECTION = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The fields of a request, pseudo-fields first: Host becomes `:authority`, and what is bound to a connection stays behind.
 *
 * @throws {TypeError} when method or target cannot be sent
 */
export function requestLines(
  request: RequestLine,
  scheme: "http" | "https",
  framing: RequestFraming,
): string[] {
  const { method, target, headers } = request;
  checkRequestLine(request);
  if (method === "CONNECT") {
    throw new TypeError(`Cannot send method "CONNECT" by HTTP/2: it asks for a tunnel`);
  }
  const lines = [":method", method, ":scheme", scheme, ":path", target];
  for (let i = 0; i < headers.lines.length; i += 2) {
    const name = headers.lines[i]!.toLowerCase();
    const value = headers.lines[i + 1]!;
    if (name === "host") {
      if (value !== "") lines.splice(6, 0, ":authority", value);
    } else if (!isHopByHop(name) || (name === "te" && value === "trailers")) {
      lines.push(name, value);
    }
  }
  if (typeof framing === "number") lines.push("content-length", String(framing));
  return lines;
}

/** Trailer fields of a request, names in lower case. */
export function trailerLines({ lines }: HeaderList): string[] {
  return lines.map((text, i) => i % 2 === 0 ? text.toLowerCase() : text);
}

/**
 * The head of a response.
 *
 * @throws {ProxyError} `bad_response`, saying what is wrong
 */
export function responseHead(lines: readonly string[]): ResponseHead {
  const status = lines[0] === ":status" && /^[1-9]\d\d$/.test(lines[1]!) ? Number(lines[1]) : 0;
  if (status === 0) throw bad("its :status is missing, malformed or not its first field");
  const headers = new HeaderList();
  let length: string | undefined;
  for (let i = 2; i < lines.length; i += 2) {
    const name = lines[i]!;
    checkName(name);
    if (name === "content-length") {
      if (length !== undefined) throw bad("it has several content-length fields");
      length = lines[i + 1]!;
    }
    // For this hop alone, as TE is.
    if (!isHopByHop(name)) headers.lines.push(name, lines[i + 1]!);
  }
  const bodyLength = declaredLength(length, undefined, true, bad) ?? UNTIL_CLOSE;
  return { status, reason: "", headers, bodyLength, keepAlive: true, keepAliveFor: Infinity, upgrade: null };
}

/**
 * The trailer fields of a response.
 *
 * @throws {ProxyError} `bad_response`, saying what is wrong
 */
export function responseTrailers(lines: readonly string[]): HeaderList {
  const trailers = new HeaderList();
  for (let i = 0; i < lines.length; i += 2) {
    checkName(lines[i]!);
    trailers.lines.push(lines[i]!, lines[i + 1]!);
  }
  return trailers;
}

function checkName(name: string): void {
  if (name === MALFORMED) throw bad("a header field is malformed");
  if (name.charCodeAt(0) === COLON) throw bad(`it has the pseudo-field ${name} out of place`);
  if (OF_CONNECTION.has(name)) throw bad(`it has the field ${name}, which HTTP/2 lacks`);
}
