/**
 * A reader of requests that shares nothing with the proxy's own: slow, plain, and as strict as RFC 9112 allows.
 *
 * @module
 */

/** A request as it lies on the wire. */
export interface StrictRequest {
  /** The method. */
  method: string;
  /** The target, as sent. */
  target: string;
  /** 1 for HTTP/1.1. */
  minor: number;
  /** Names and values, as sent. */
  fields: [string, string][];
  /** The body, chunked coding undone; null when nothing announces one. */
  body: string | null;
  /** The trailer fields. */
  trailers: [string, string][];
}

/** What a stream of bytes holds. */
export interface StrictReading {
  /** The whole requests, in order. */
  requests: StrictRequest[];
  /** What is behind the last of them: nothing, the beginning of another, or what is no request. */
  rest: "nothing" | "begun" | "malformed";
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e\\x80-\\xff]+) HTTP/1\\.([01])$`);
const FIELD = new RegExp(
  `^(${TOKEN}):[ \\t]*((?:[\\x21-\\x7e\\x80-\\xff](?:[\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?)[ \\t]*$`,
);
const QUOTED = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
const CHUNK = new RegExp(
  `^([0-9A-Fa-f]{1,13})(?:[ \\t]*;[ \\t]*${TOKEN}(?:[ \\t]*=[ \\t]*(?:${TOKEN}|${QUOTED}))?)*[ \\t]*$`,
);

class Malformed extends Error {}
class Begun extends Error {}

/** Takes latin-1 text apart. */
export function readStrictly(text: string): StrictReading {
  const requests: StrictRequest[] = [];
  const source = new Source(text);
  for (;;) {
    while (source.text.startsWith("\r\n", source.at)) source.at += 2;
    if (source.at === text.length) return { requests, rest: "nothing" };
    try {
      requests.push(readRequest(source));
    } catch (error) {
      if (error instanceof Malformed) return { requests, rest: "malformed" };
      if (error instanceof Begun) return { requests, rest: "begun" };
      throw error;
    }
  }
}

class Source {
  at = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  line(): string {
    const lf = this.text.indexOf("\n", this.at);
    if (lf < 0) throw new Begun();
    const line = this.text.slice(this.at, lf);
    if (!line.endsWith("\r")) throw new Malformed();
    this.at = lf + 1;
    return line.slice(0, -1);
  }

  take(length: number): string {
    if (this.at + length > this.text.length) throw new Begun();
    return this.text.slice(this.at, this.at += length);
  }
}

function readRequest(source: Source): StrictRequest {
  const first = REQUEST_LINE.exec(source.line());
  if (first === null) throw new Malformed();
  const [, method, target, minor] = first as unknown as [string, string, string, string];
  const fields = readFields(source);
  const values = (name: string) =>
    fields.filter(([its]) => its.toLowerCase() === name).map(([, value]) => value);
  if (values("host").length > 1 || (minor === "1" && values("host").length === 0)) throw new Malformed();
  const [length, ...lengths] = values("content-length");
  const [coding, ...codings] = values("transfer-encoding");
  const request = { method, target, minor: Number(minor), fields };
  if (coding !== undefined) {
    if (length !== undefined || codings.length > 0 || minor === "0" || !/^chunked$/i.test(coding)) {
      throw new Malformed();
    }
    return { ...request, ...readChunks(source) };
  }
  if (length === undefined) return { ...request, body: null, trailers: [] };
  if (lengths.length > 0 || !/^[0-9]{1,15}$/.test(length)) throw new Malformed();
  return { ...request, body: source.take(Number(length)), trailers: [] };
}

function readFields(source: Source): [string, string][] {
  const fields: [string, string][] = [];
  for (let line; (line = source.line()) !== "";) {
    const field = FIELD.exec(line);
    if (field === null) throw new Malformed();
    fields.push([field[1]!, field[2]!]);
  }
  return fields;
}

function readChunks(source: Source): { body: string; trailers: [string, string][] } {
  let body = "";
  for (;;) {
    const size = CHUNK.exec(source.line());
    if (size === null) throw new Malformed();
    const length = parseInt(size[1]!, 16);
    if (length === 0) return { body, trailers: readFields(source) };
    body += source.take(length);
    const end = source.text.slice(source.at, source.at + 2);
    if (end !== "\r\n".slice(0, end.length)) throw new Malformed();
    source.take(2);
  }
}
