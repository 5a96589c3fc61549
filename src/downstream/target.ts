/**
 * Request targets: one form for hooks to decide on and for the upstream to get.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";

/** A target that is in its normal form already: no query, no escape, no dot. */
const PLAIN = /^\/[!$&'()*+,\-/0-9:;=@A-Z_a-z~]*$/;
/** Characters that stand for themselves in a path, RFC 3986 section 3.3, and `%`. */
const IN_PATH = /^[!$%&'()*+,\-./0-9:;=@A-Z_a-z~]*$/;
const UNRESERVED = /^[-._~0-9A-Za-z]$/;
/** What makes a path need work: an escape, a dot segment, or a character that needs an escape. */
const NEEDS_WORK = /%|\/\.|[^!$&'()*+,\-./0-9:;=@A-Z_a-z~]/;
const HIDDEN_DOTS = /(?:^|%2f|%5c)\.{1,2}(?=$|%2f|%5c)/i;

/**
 * The normal form of an origin-form target.
 *
 * In the path, escapes of unreserved characters are decoded, dot segments are resolved, and characters that RFC 3986
 * does not allow are escaped. The query is kept to the letter, characters beyond ASCII as their UTF-8 bytes.
 *
 * @throws {ProxyError} `bad_request` on a fragment, a broken or NUL escape, a control character, or a dot segment next
 * to an escaped slash, which one server would resolve and another would not
 */
export function normalTarget(target: string): string {
  if (PLAIN.test(target)) return target;
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? "" : target.slice(mark);
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x20#\x7f]/.test(target)) {
    throw refused(target, "it holds a fragment, a space or a control character");
  }
  const normal = NEEDS_WORK.test(path) ? normalPath(path, target) : path;
  return normal + (isAscii(query) ? query : byteString(query));
}

function normalPath(path: string, target: string): string {
  let decoded = path.replace(/%(.{0,2})/gs, (escape, hex: string) => {
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) throw refused(target, `"${escape}" is not an escape`);
    const character = String.fromCharCode(parseInt(hex, 16));
    if (character === "\0") throw refused(target, "it holds a NUL");
    return UNRESERVED.test(character) ? character : escape;
  });
  if (!IN_PATH.test(decoded)) decoded = decoded.replace(/[^!$%&'()*+,\-./0-9:;=@A-Z_a-z~]+/g, escapeBytes);
  const kept: string[] = [];
  const segments = decoded.split("/");
  segments.shift();
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === "." || segment === "..") {
      if (segment === "..") kept.pop();
      if (last) kept.push("");
    } else {
      if (segment.includes("%") && HIDDEN_DOTS.test(segment)) throw refused(target, "it hides a dot segment");
      kept.push(segment);
    }
  }
  return `/${kept.join("/")}`;
}

function isAscii(text: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^[\x00-\x7f]*$/.test(text);
}

const encoder = new TextEncoder();

function byteString(text: string): string {
  return String.fromCharCode(...encoder.encode(text));
}

function escapeBytes(text: string): string {
  let escaped = "";
  for (const byte of encoder.encode(text)) escaped += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return escaped;
}

function refused(target: string, why: string): ProxyError {
  return new ProxyError("bad_request", `Refused target ${JSON.stringify(target.slice(0, 200))}: ${why}`);
}
