/**
 * Writing header blocks of HPACK, RFC 7541.
 *
 * @module
 */
import { putString } from "../bytes.ts";
import { STATIC_FIELDS, STATIC_NAMES } from "./static_table.ts";

/** A number takes no more bytes than this. */
const NUMBER = 6;
/** What a field that is never to be put into a table begins with: it may hold a secret. */
const NEVER_INDEXED = 0x10;
const SECRET = new Set(["set-cookie", "authorization", "proxy-authorization", "cookie"]);

/** Whole fields of the static table that answers have. */
const WHOLE = new Map(
  STATIC_FIELDS.map(([name, value], i) => [`${name} ${value}`, i + 1] as const).filter(([key]) =>
    key.startsWith(":status")
  ),
);

/**
 * The header block of names, in lower case, and values. It neither needs nor makes a dynamic table: whatever the other
 * side says of its own, the block can be read, and blocks may be sent in any order.
 */
export function encodeBlock(lines: readonly string[]): Uint8Array {
  let size = 0;
  for (let i = 0; i < lines.length; i++) size += lines[i]!.length + NUMBER;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!;
    const value = lines[i + 1]!;
    const whole = name === ":status" ? WHOLE.get(`:status ${value}`) : undefined;
    if (whole !== undefined) {
      bytes[at++] = 0x80 | whole;
      continue;
    }
    const first = SECRET.has(name) ? NEVER_INDEXED : 0;
    const known = STATIC_NAMES.get(name);
    if (known !== undefined) {
      at = putNumber(bytes, at, first, 4, known);
    } else {
      bytes[at++] = first;
      at = putText(bytes, at, name);
    }
    at = putText(bytes, at, value);
  }
  return bytes.subarray(0, at);
}

function putText(bytes: Uint8Array, at: number, text: string): number {
  return putString(bytes, putNumber(bytes, at, 0, 7, text.length), text);
}

function putNumber(bytes: Uint8Array, at: number, first: number, bits: number, number: number): number {
  const mask = (1 << bits) - 1;
  if (number < mask) {
    bytes[at++] = first | number;
    return at;
  }
  bytes[at++] = first | mask;
  let rest = number - mask;
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = rest & 0x7f | 0x80;
  bytes[at++] = rest;
  return at;
}
