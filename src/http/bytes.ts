/**
 * The bytes that HTTP/1 is made of, RFC 9110 section 5.6.2 and RFC 9112 section 2.
 *
 * @module
 */

/** Horizontal tab. */
export const HTAB = 9;
/** Line feed. */
export const LF = 10;
/** Carriage return. */
export const CR = 13;
/** Space. */
export const SP = 32;
/** Colon. */
export const COLON = 58;

/** 1 for the characters of a token, 0 for all others. */
export const IS_TOKEN: Uint8Array = new Uint8Array(256);
for (const c of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  IS_TOKEN[c.charCodeAt(0)] = 1;
}

/** 1 for what a field's value may hold: all but control characters other than tab. */
export const IS_TEXT: Uint8Array = new Uint8Array(256)
  .map((_, c) => c === HTAB || (c >= SP && c !== 127) ? 1 : 0);

const decoder = new TextDecoder();

/** The bytes from `start` to `end` as a byte string: each character is one byte. */
export function byteString(bytes: Uint8Array, start: number, end: number): string {
  for (let i = start; i < end; i++) {
    if (bytes[i]! > 127) return String.fromCharCode(...bytes.subarray(start, end));
  }
  return decoder.decode(bytes.subarray(start, end));
}
