/**
 * Writing the head of an HTTP/1.1 request.
 *
 * @module
 */
import type { HeaderList } from "../http/headers.ts";
import type { Connection } from "./connection.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
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
 * Writes a head into the connection's room for it; the bytes are good until the next head.
 *
 * @param body Follows the head in the same bytes, so that a small request is one write.
 * @throws {TypeError} when method or target would break the request line
 */
export function writeHead(
  connection: Connection,
  { method, target, headers }: RequestLine,
  framing: RequestFraming,
  body?: Uint8Array,
): Uint8Array {
  if (!TOKEN.test(method)) {
    throw new TypeError(`Cannot send method ${JSON.stringify(method)}: it is not a token`);
  }
  if (!TARGET.test(target)) {
    throw new TypeError(
      `Cannot send target ${JSON.stringify(target)}: it is empty or holds a space or control character`,
    );
  }
  const { lines } = headers;
  let text = `${method} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}\r\n`;
  if (framing === "chunked") text += "transfer-encoding: chunked\r\n\r\n";
  else if (framing !== null) text += `content-length: ${framing}\r\n\r\n`;
  else text += "\r\n";
  const size = text.length + (body?.length ?? 0);
  const bytes = connection.headRoom(size);
  // Each character is one byte: latin-1, which TextEncoder does not write.
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  if (body !== undefined) bytes.set(body, text.length);
  return bytes.subarray(0, size);
}
