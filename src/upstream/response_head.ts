/**
 * Reading the head of an HTTP/1 response, RFC 9112, strictly: what is malformed is refused, not repaired.
 *
 * @module
 */
import { byteString, COLON, CR, HTAB, IS_TEXT, IS_TOKEN, LF, SP } from "../http/bytes.ts";
import { type BodyLength, UNTIL_CLOSE } from "../http/body_reading.ts";
import { ProxyError } from "../http/errors.ts";
import { declaredLength } from "../http/framing.ts";
import { HeaderList } from "../http/headers.ts";
import { hasToken, removeNamed } from "../http/hop_by_hop.ts";

/** The largest head accepted, in bytes. */
export const MAX_HEAD = 64 * 1024;
/** The most field lines accepted. */
export const MAX_FIELDS = 200;

/** The head of an upstream's response, hop-by-hop fields taken out. */
export interface ResponseHead {
  /** 100 to 999: whoever passes it on knows what it can. */
  status: number;
  /** The reason phrase, which may be empty. */
  reason: string;
  /** End-to-end fields. */
  headers: HeaderList;
  /** What the fields say of the body; whether there is one also depends on the request's method. */
  bodyLength: BodyLength;
  /** Whether the upstream keeps the connection open. */
  keepAlive: boolean;
  /** How long it says it does, in milliseconds, or Infinity. */
  keepAliveFor: number;
  /** The `Upgrade` field, or null. */
  upgrade: string | null;
}

/**
 * Looks for the end of a head.
 *
 * @param from Where to go on looking; lines before it were looked at already.
 * @returns where the head ends (behind its empty line), or, when more bytes are needed, where to go on as `-1 - from`
 * @throws {ProxyError} `bad_response` when it cannot become a head any more
 */
export function findHeadEnd(buffer: Uint8Array, start: number, from: number, end: number): number {
  const known = Math.min(end - start, PROTOCOL.length);
  if (from === start) {
    for (let i = 0; i < known; i++) {
      if (buffer[start + i] !== PROTOCOL[i]) throw bad("it does not begin with HTTP/1.");
    }
  }
  const whole = headEnd(buffer, from, end);
  if (whole >= 0) return whole;
  let next = from;
  while (true) {
    const lf = buffer.indexOf(LF, next);
    if (lf < 0 || lf >= end) break;
    if (lf === start || buffer[lf - 1] !== CR) throw bad("a line ends with a bare LF");
    if (lf - next === 1 && next > start) return lf + 1;
    next = lf + 1;
  }
  if (end - start >= MAX_HEAD) throw bad(`its head is larger than ${MAX_HEAD} bytes`);
  return -1 - (known < PROTOCOL.length ? start : next);
}

/** The end of a head that is here in one piece; looks at every fourth byte, as the end has four. */
function headEnd(buffer: Uint8Array, from: number, end: number): number {
  for (let i = from + 1; i < end; i += 4) {
    const byte = buffer[i];
    if (byte !== CR && byte !== LF) continue;
    for (let last = i; last < i + 4 && last < end; last++) {
      if (
        buffer[last] === LF && buffer[last - 1] === CR && buffer[last - 2] === LF && buffer[last - 3] === CR
      ) {
        return last + 1;
      }
    }
  }
  return -1;
}

const PROTOCOL = new TextEncoder().encode("HTTP/1.");

/**
 * Reads a whole head, the bytes from `start` to `end` of the buffer.
 *
 * @throws {ProxyError} `bad_response`, saying what is wrong
 */
export function parseHead(buffer: Uint8Array, start: number, end: number): ResponseHead {
  const text = byteString(buffer, start, end);
  const minor = buffer[start + 7]! - 48;
  const status = statusOf(buffer, start);
  let at = start + 12;
  if (buffer[at] === SP) { do at++; while (IS_TEXT[buffer[at]!] === 1); }
  const reason = text.slice(13, at - start);
  if (minor !== 0 && minor !== 1) throw bad(`it speaks ${JSON.stringify(text.slice(0, 8))}`);
  if (buffer[at] !== CR || buffer[at + 1] !== LF) throw bad("its status line is malformed");
  at += 2;

  const headers = new HeaderList();
  const { lines } = headers;
  let connection = "";
  let coding: string | undefined;
  let length: string | undefined;
  let keepAliveFor = Infinity;
  let upgrade: string | null = null;
  for (let fields = 0; buffer[at] !== CR; fields++) {
    if (fields === MAX_FIELDS) throw bad(`it has more than ${MAX_FIELDS} header fields`);
    const nameStart = at;
    while (IS_TOKEN[buffer[at]!] === 1) at++;
    const nameEnd = at;
    if (nameEnd === nameStart || buffer[at] !== COLON) {
      throw bad("a header name is malformed, or a line is folded");
    }
    do at++; while (buffer[at] === SP || buffer[at] === HTAB);
    const valueStart = at;
    while (IS_TEXT[buffer[at]!] === 1) at++;
    let valueEnd = at;
    if (buffer[at] !== CR || buffer[at + 1] !== LF) throw bad("a header value holds a control character");
    while (valueEnd > valueStart && (buffer[valueEnd - 1] === SP || buffer[valueEnd - 1] === HTAB)) {
      valueEnd--;
    }
    at += 2;

    const name = text.slice(nameStart - start, nameEnd - start);
    const value = text.slice(valueStart - start, valueEnd - start);
    switch (nameEnd - nameStart) {
      case 2:
      case 7:
      case 10:
      case 14:
      case 16:
      case 17:
      case 18:
        switch (name.toLowerCase()) {
          case "connection":
            connection = connection === "" ? value : `${connection}, ${value}`;
            continue;
          case "transfer-encoding":
            coding = coding === undefined ? value : `${coding}, ${value}`;
            continue;
          case "content-length":
            if (length !== undefined) throw bad("it has several content-length fields");
            length = value;
            break;
          case "keep-alive":
            keepAliveFor = 1000 * Number(/(?:^|[\s,])timeout=(\d{1,9})/i.exec(value)?.[1] ?? Infinity);
            continue;
          case "upgrade":
            upgrade = upgrade === null ? value : `${upgrade}, ${value}`;
            continue;
          case "te":
          case "proxy-connection":
          case "proxy-authenticate":
            continue;
        }
    }
    lines.push(name, value);
  }
  if (at + 2 !== end) throw bad("its header fields are malformed");
  if (connection !== "") removeNamed(headers, connection);
  return {
    status,
    reason,
    headers,
    bodyLength: declaredLength(length, coding, minor === 1, bad) ?? UNTIL_CLOSE,
    keepAlive: !hasToken(connection, "close") && (minor === 1 || hasToken(connection, "keep-alive")),
    keepAliveFor,
    upgrade,
  };
}

function statusOf(buffer: Uint8Array, start: number): number {
  let status = 0;
  for (let i = start + 9; i < start + 12; i++) {
    const digit = buffer[i]! - 48;
    if (!(digit >= 0 && digit <= 9)) throw bad("its status is not a number of three digits");
    status = status * 10 + digit;
  }
  if (buffer[start + 8] !== SP || status < 100) {
    throw bad("its status is malformed or below 100");
  }
  return status;
}

/** An upstream's response that cannot be understood. */
export function bad(what: string): ProxyError {
  return new ProxyError("bad_response", `Cannot read the upstream's response: ${what}`);
}
