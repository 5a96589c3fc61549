/**
 * Reading the head of an HTTP/1 request, RFC 9112, strictly: what two readers could understand differently is refused.
 *
 * @module
 */
import { COLON, CR, HTAB, IS_TEXT, IS_TOKEN, LF, SP } from "../../http/bytes.ts";
import { ProxyError } from "../../http/errors.ts";
import { refused } from "../refused.ts";

/** What a head may hold. */
export interface HeadLimits {
  /** The largest request line, in bytes; beyond, 414. */
  readonly maxRequestLine: number;
  /** The largest head, in bytes; beyond, 431. */
  readonly maxHead: number;
  /** The most field lines; beyond, 431. */
  readonly maxFields: number;
}

const PROTOCOL = new TextEncoder().encode("HTTP/1.");
/** `HTTP/1.1` and CRLF. */
const VERSION_LENGTH = 10;

/** What may be in a target, and what it makes of it. */
const TARGET_CLASS = new Uint8Array(256).map((_, c) => c > 127 ? 4 : c > SP && c !== 127 ? 2 : 0);
/** These need no work in a path: no escape, no dot, no query. */
for (const c of "!$&'()*+,-/0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~") {
  TARGET_CLASS[c.charCodeAt(0)] = 1;
}
const UNDERSCORE = "_".charCodeAt(0);

/**
 * Finds the parts of a head, line by line as they come: a line is judged when all of it is there, and no byte of it is
 * looked at again. Any split of the input gives the same result, but for which limit or rule is named of a line that breaks
 * several.
 */
export class HeadParser {
  /** The method ends there; all places count from the head's first byte. */
  methodEnd = 0;
  /** The target, which begins behind the method and a space, ends there. */
  targetEnd = 0;
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  minor = 1;
  /** Whether the target is of characters alone that mean themselves in a path. */
  isPlainTarget = false;
  /** Whether the target has bytes beyond ASCII. */
  isWideTarget = false;
  /** Whether a name has an underscore. */
  hasUnderscore = false;
  /** Four places a field: where its name begins and ends, and its value. */
  readonly places: number[] = [];
  /** How many places are this head's. */
  placed = 0;
  readonly #limits: HeadLimits;
  /** Where the line begins that is not there as a whole. */
  #line = 0;
  /** Up to there, it has no end. */
  #looked = 0;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** Makes ready for the next head. */
  reset(): void {
    this.placed =
      this.#line =
      this.#looked =
      this.methodEnd =
      this.targetEnd =
        0;
    this.isPlainTarget = this.isWideTarget = this.hasUnderscore = false;
  }

  /**
   * Goes on with the head whose bytes lie from `start` to `end`.
   *
   * @returns where it ends, behind its empty line, or -1 when more bytes are needed
   * @throws {ProxyError} `bad_request`, `target_too_long` or `head_too_large` as soon as a line is wrong
   */
  parse(buffer: Uint8Array, start: number, end: number): number {
    let at = start + this.#line;
    if (this.#looked > this.#line && !hasLineEnd(buffer, start + this.#looked, end)) {
      return this.#wait(at, start, end);
    }
    if (this.#line === 0) {
      const next = this.#requestLine(buffer, start, end);
      if (next < 0) return this.#wait(start, start, end);
      if (next - start > this.#limits.maxRequestLine) throw tooLong(this.#limits);
      at = next;
    }
    while (true) {
      if (at >= end) return this.#wait(at, start, end);
      if (buffer[at] === CR) {
        if (at + 1 >= end) return this.#wait(at, start, end);
        if (buffer[at + 1] !== LF) {
          wrong(buffer, at, end, "a carriage return stands alone");
          return this.#wait(at, start, end);
        }
        if (at + 2 - start > this.#limits.maxHead) throw tooLarge(this.#limits);
        return at + 2;
      }
      const next = this.#field(buffer, at, start, end);
      if (next < 0) return this.#wait(at, start, end);
      at = next;
    }
  }

  /** Where the line after the request line begins, or -1. */
  #requestLine(buffer: Uint8Array, start: number, end: number): number {
    let at = start;
    while (IS_TOKEN[buffer[at]!] === 1) at++;
    if (at === start || buffer[at] !== SP) return wrong(buffer, at, end, "its method is malformed");
    this.methodEnd = at - start;
    let classes = 0;
    for (let c; (c = TARGET_CLASS[buffer[++at]!]!) > 0;) classes |= c;
    this.targetEnd = at - start;
    if (this.targetEnd === this.methodEnd + 1 || buffer[at] !== SP) {
      return wrong(buffer, at, end, "its target is empty or holds a space or a control character");
    }
    this.isPlainTarget = classes === 1;
    this.isWideTarget = classes >= 4;
    at++;
    if (at + VERSION_LENGTH > end) return wrong(buffer, at, end, "its version is malformed");
    for (let i = 0; i < PROTOCOL.length; i++) {
      if (buffer[at + i] !== PROTOCOL[i]) return wrong(buffer, at, end, "it does not speak HTTP/1");
    }
    this.minor = buffer[at + 7]! - 48;
    if ((this.minor !== 1 && this.minor !== 0) || buffer[at + 8] !== CR || buffer[at + 9] !== LF) {
      return wrong(buffer, at, end, "it ends in neither HTTP/1.1 nor HTTP/1.0");
    }
    return at + VERSION_LENGTH;
  }

  /** Where the line after the field begins, or -1. */
  #field(buffer: Uint8Array, from: number, start: number, end: number): number {
    let at = from;
    for (let c; IS_TOKEN[c = buffer[at]!] === 1; at++) if (c === UNDERSCORE) this.hasUnderscore = true;
    const nameEnd = at;
    if (nameEnd === from || buffer[at] !== COLON) {
      return wrong(buffer, at, end, "a header name is malformed, or a line is folded");
    }
    do at++; while (buffer[at] === SP || buffer[at] === HTAB);
    const valueStart = at;
    while (IS_TEXT[buffer[at]!] === 1) at++;
    if (at + 1 >= end || buffer[at] !== CR || buffer[at + 1] !== LF) {
      return wrong(buffer, at, end, "a header value holds a control character");
    }
    let valueEnd = at;
    while (valueEnd > valueStart && (buffer[valueEnd - 1] === SP || buffer[valueEnd - 1] === HTAB)) {
      valueEnd--;
    }
    const { places, placed } = this;
    if (placed >= 4 * this.#limits.maxFields) {
      throw new ProxyError("head_too_large", `Refused request: more than ${this.#limits.maxFields} fields`);
    }
    places[placed] = from - start;
    places[placed + 1] = nameEnd - start;
    places[placed + 2] = valueStart - start;
    places[placed + 3] = valueEnd - start;
    this.placed = placed + 4;
    return at + 2;
  }

  #wait(line: number, start: number, end: number): -1 {
    this.#line = line - start;
    this.#looked = end - start;
    if (this.#line === 0 && this.#looked >= this.#limits.maxRequestLine) throw tooLong(this.#limits);
    if (this.#looked >= this.#limits.maxHead) throw tooLarge(this.#limits);
    return -1;
  }
}

/** A line that stops at `at` is wrong, if all of it is there. */
function wrong(buffer: Uint8Array, at: number, end: number, what: string): -1 {
  if (at < end && hasLineEnd(buffer, at, end)) throw refused(what);
  return -1;
}

function hasLineEnd(buffer: Uint8Array, from: number, end: number): boolean {
  const lf = buffer.indexOf(LF, from);
  return lf >= 0 && lf < end;
}

function tooLong({ maxRequestLine }: HeadLimits): ProxyError {
  return new ProxyError("target_too_long", `Refused request: its first line is over ${maxRequestLine} bytes`);
}

function tooLarge({ maxHead }: HeadLimits): ProxyError {
  return new ProxyError("head_too_large", `Refused request: its head is over ${maxHead} bytes`);
}
