/**
 * The chunked transfer coding, RFC 9112 section 7.1.
 *
 * @module
 */
import { concat } from "./body.ts";
import type { HeaderList } from "./headers.ts";

const encoder = new TextEncoder();
const CRLF = encoder.encode("\r\n");

const LAST_CHUNK: Uint8Array = encoder.encode("0\r\n\r\n");

/** What ends a chunked body, with the trailer fields if there are any. */
export function lastChunk(trailers: HeaderList | undefined): Uint8Array {
  if (trailers === undefined || trailers.lines.length === 0) return LAST_CHUNK;
  const { lines } = trailers;
  let text = "0\r\n";
  for (let i = 0; i < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}\r\n`;
  return Uint8Array.from(`${text}\r\n`, (c) => c.charCodeAt(0));
}

/** A piece as a chunk. */
export function chunkOf(piece: Uint8Array): Uint8Array {
  return concat([encoder.encode(`${piece.length.toString(16)}\r\n`), piece, CRLF]);
}
