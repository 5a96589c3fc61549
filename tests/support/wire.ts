/**
 * Messages as bytes: requests to send, responses and chunked bodies taken apart, and waits that end.
 *
 * @module
 */

/** The text of a request that asks the other side to close after the answer. `lines` end with CR LF each. */
export function requestText(method: string, target: string, lines = "", body = ""): string {
  return `${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines}\r\n${body}`;
}

/** A POST whose body is `body`, with a length or as one chunk. */
export function postText(body: string, framing: "length" | "chunked" = "length"): string {
  return framing === "length"
    ? requestText("POST", "/", `Content-Length: ${body.length}\r\n`, body)
    : requestText("POST", "/", "Transfer-Encoding: chunked\r\n", chunked([body]));
}

/** A response with a length. */
export function responseText(body: string, lines = "", status = "200 OK"): string {
  return `HTTP/1.1 ${status}\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** The pieces in the chunked coding, with the last chunk. */
export function chunked(pieces: readonly string[]): string {
  return `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("")}0\r\n\r\n`;
}

/** `length` letters that differ from place to place. */
export function letters(length: number): string {
  const line = Array.from({ length: 997 }, (_, i) => "abcdefghijklmnopqrstuvwxyz"[(i * i + i) % 26]).join("");
  return line.repeat(Math.ceil(length / line.length)).slice(0, length);
}

/** A message taken apart. */
export interface Message {
  /** The status of a response, 0 for a request. */
  status: number;
  /** The first line. */
  first: string;
  /** The field lines, names in lower case. */
  fields: [string, string][];
  /** The body, decoded. */
  body: string;
  /** What tells the body's length. */
  framing: "length" | "chunked" | "close";
  /** Whether all of the body is there. */
  complete: boolean;
}

/** Takes a message apart; everything behind the head is its body. */
export function parseMessage(text: string): Message {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) throw new Error(`No head in ${JSON.stringify(text.slice(0, 200))}`);
  const [first, ...rest] = text.slice(0, end).split("\r\n") as [string, ...string[]];
  const fields = rest.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? 0);
  const behind = text.slice(end + 4);
  const message = { status, first, fields };
  const length = valueOf(fields, "content-length");
  if (valueOf(fields, "transfer-encoding") !== null) {
    return { ...message, framing: "chunked", ...dechunked(behind) };
  }
  if (length === null) return { ...message, framing: "close", body: behind, complete: true };
  return { ...message, framing: "length", body: behind, complete: behind.length === Number(length) };
}

/** The first value of a field, or null. */
export function valueOf(fields: readonly [string, string][], name: string): string | null {
  return fields.find(([its]) => its === name)?.[1] ?? null;
}

function dechunked(text: string): { body: string; complete: boolean } {
  let body = "";
  for (let at = 0;;) {
    const eol = text.indexOf("\r\n", at);
    if (eol < 0) return { body, complete: false };
    const size = parseInt(text.slice(at, eol), 16);
    if (size === 0) return { body, complete: text.slice(eol) === "\r\n\r\n" };
    body += text.slice(eol + 2, eol + 2 + size);
    at = eol + 2 + size + 2;
    if (at > text.length) return { body, complete: false };
  }
}

/** The promise's value, or a failure that says what was waited for: a test that would hang fails instead. */
export async function within<T>(promise: Promise<T>, what: string, ms = 10_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
