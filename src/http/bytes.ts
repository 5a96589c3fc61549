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
/** How many characters are made in one call. */
const AT_ONCE = 8 * 1024;

/** The bytes from `start` to `end` as a byte string: each character is one byte. */
export function byteString(bytes: Uint8Array, start: number, end: number): string {
  for (let i = start; i < end; i++) {
    if (bytes[i]! > 127) return wideString(bytes, start, end);
  }
  return decoder.decode(bytes.subarray(start, end));
}

/** The runtime's "latin1" is windows-1252, which has other characters for some bytes; and arguments are limited. */
function wideString(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at += AT_ONCE) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + AT_ONCE)));
  }
  return text;
}

/** Writes a byte string; where it ends. No other string or array is made on the way. */
export function putString(bytes: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  return at;
}
