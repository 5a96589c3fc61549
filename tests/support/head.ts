/**
 * Response heads as text, read the way an exchange reads them.
 *
 * @module
 */
import { findHeadEnd, parseHead, type ResponseHead } from "../../src/upstream/response_head.ts";

/** A status line. */
export const OK = "HTTP/1.1 200 OK";

/** Reads a head as an exchange does: it is there up to some point first, then all of it. */
export function readHead(text: string, firstPart = text.length): ResponseHead | null {
  const before = "left over from the response before\r\n\r\n";
  const bytes = Uint8Array.from(before + text, (c) => c.charCodeAt(0));
  const start = before.length;
  let end = findHeadEnd(bytes, start, start, start + firstPart);
  if (end < 0 && firstPart < text.length) end = findHeadEnd(bytes, start, -1 - end, bytes.length);
  return end < 0 ? null : parseHead(bytes, start, end);
}

/** Lines as a head. */
export function headText(...lines: string[]): string {
  return [...lines, "", ""].join("\r\n");
}
