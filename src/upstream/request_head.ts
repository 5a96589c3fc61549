/**
 * Writing the head of an HTTP/1.1 request.
 *
 * @module
 */
import { COLON, CR, LF, putString, SP } from "../http/bytes.ts";
import type { HeaderList } from "../http/headers.ts";
import type { Connection } from "./connection.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const CHUNKED_LINE = "transfer-encoding: chunked\r\n";
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

/** What says how a request's body is framed: bytes, `chunked`, or no body. */
export type RequestFraming = number | "chunked" | null;

/** The request line's parts and the fields. */
export interface RequestLine {
  /** The method. */
  method: string;
  /** The target. */
  target: string;
  /** The fields, without any of framing. */
  headers: HeaderList;
}

/**
 * Makes sure that method and target can be sent.
 *
 * @throws {TypeError} when they would break the request line
 */
export function checkRequestLine({ method, target }: RequestLine): void {
  if (!TOKEN.test(method)) {
    throw new TypeError(`Cannot send method ${JSON.stringify(method)}: it is not a token`);
  }
  if (!TARGET.test(target)) {
    throw new TypeError(
      `Cannot send target ${JSON.stringify(target)}: it is empty or holds a space or control character`,
    );
  }
}

/**
 * Writes a head into the connection's room for it; the bytes are good until the next head.
 *
 * @param body Follows the head in the same bytes, so that a small request is one write.
 * @throws {TypeError} when method or target would break the request line
 */
export function writeHead(
  connection: Connection,
  request: RequestLine,
  framing: RequestFraming,
  body?: Uint8Array,
): Uint8Array {
  checkRequestLine(request);
  const { method, target, headers } = request;
  const { lines } = headers;
  const last = framing === null
    ? ""
    : framing === "chunked"
    ? CHUNKED_LINE
    : `content-length: ${framing}\r\n`;
  let size = method.length + 1 + target.length + " HTTP/1.1\r\n".length + last.length + 2 +
    (body?.length ?? 0);
  for (let i = 0; i < lines.length; i++) size += lines[i]!.length + 2;
  const bytes = connection.headRoom(size);
  let at = putString(bytes, 0, method);
  bytes[at++] = SP;
  at = putString(bytes, at, target);
  at = putString(bytes, at, " HTTP/1.1\r\n");
  for (let i = 0; i < lines.length; i += 2) {
    at = putString(bytes, at, lines[i]!);
    bytes[at++] = COLON;
    bytes[at++] = SP;
    at = putString(bytes, at, lines[i + 1]!);
    bytes[at++] = CR;
    bytes[at++] = LF;
  }
  at = putString(bytes, at, last);
  bytes[at++] = CR;
  bytes[at++] = LF;
  if (body !== undefined) bytes.set(body, at);
  return bytes.subarray(0, size);
}
