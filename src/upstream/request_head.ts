/**
 * Writing the head of an HTTP/1.1 request.
 *
 * @module
 */
import type { HeaderList } from "../http/headers.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;

const encoder = new TextEncoder();

/** What says how a request's body is framed: bytes, `chunked`, or no body. */
export type RequestFraming = number | "chunked" | null;

/**
 * The bytes of a head. Framing fields among `headers` must have been taken out: the last line is made from `framing`.
 *
 * @param body Follows the head in the same bytes, so that a small request is one write.
 * @throws {TypeError} when method or target would break the request line
 */
export function requestHead(
  method: string,
  target: string,
  headers: HeaderList,
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
  return latin1Bytes(text, body);
}

function latin1Bytes(text: string, body?: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(text.length + (body?.length ?? 0));
  const { read, written } = encoder.encodeInto(text, bytes);
  // A character above 0x7f takes two bytes in UTF-8, so that either count shows it.
  if (read !== text.length || written !== text.length) {
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  }
  if (body !== undefined) bytes.set(body, text.length);
  return bytes;
}
