/**
 * The chunked transfer coding of requests, RFC 9112 section 7.1.
 *
 * @module
 */
import { concat } from "../http/body.ts";

const encoder = new TextEncoder();
const CRLF = encoder.encode("\r\n");

/** What ends a chunked body. */
export const LAST_CHUNK: Uint8Array = encoder.encode("0\r\n\r\n");

/** A piece as a chunk. */
export function chunkOf(piece: Uint8Array): Uint8Array {
  return concat([encoder.encode(`${piece.length.toString(16)}\r\n`), piece, CRLF]);
}
