/**
 * An origin that keeps what it received, byte for byte: what tests of framing judge by.
 *
 * @module
 */
import { type Origin, type RawConnection, rawOrigin } from "./origin.ts";

/** One request as a plain reader of RFC 9112 splits it off. */
export interface WireRequest {
  /** All of it, as it came. */
  readonly text: string;
  /** The request line. */
  readonly line: string;
  /** The field lines, as they came, in order. */
  readonly fields: readonly string[];
  /** The body, chunked coding undone. */
  readonly body: string;
}

/** An origin that keeps what it received. Texts are latin-1, a character for every byte. */
export interface WireOrigin extends Origin {
  /** Everything that came, by connection. */
  readonly received: readonly string[];
  /** The requests, in order. */
  readonly requests: readonly WireRequest[];
}

const NOTHING = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/** Starts an origin that answers every request with what `answer` makes of it. */
export function wireOrigin(answer: (request: WireRequest) => string = () => NOTHING): WireOrigin {
  const connections: RawConnection[] = [];
  const requests: WireRequest[] = [];
  const origin = rawOrigin(async (connection) => {
    connections.push(connection);
    for (let at = 0;;) {
      const request = await readRequest(connection, at);
      if (request === null) return;
      at += request.text.length;
      requests.push(request);
      await connection.write(answer(request));
    }
  });
  return {
    address: origin.address,
    get connections() {
      return origin.connections;
    },
    get received() {
      return connections.map(({ received }) => received);
    },
    requests,
    [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose](),
  };
}

/** Reads one request from offset `from` of what the connection received; null at the end of the stream. */
async function readRequest(connection: RawConnection, from: number): Promise<WireRequest | null> {
  if (!await connection.readUntil("\r\n\r\n", from)) return null;
  let at = connection.received.indexOf("\r\n\r\n", from) + 4;
  const [line, ...fields] = connection.received.slice(from, at - 4).split("\r\n") as [string, ...string[]];
  const parts: string[] = [];
  const take = async (length: number) => {
    while (connection.received.length < at + length) if (await connection.read() === null) return false;
    parts.push(connection.received.slice(at, at += length));
    return true;
  };
  const length = fields.map((field) => /^content-length: (\d+)$/i.exec(field)?.[1]).find(Boolean);
  if (length !== undefined && !await take(Number(length))) return null;
  if (fields.some((field) => /^transfer-encoding: chunked$/i.test(field))) {
    for (;;) {
      if (!await connection.readUntil("\r\n", at)) return null;
      const end = connection.received.indexOf("\r\n", at);
      const size = parseInt(connection.received.slice(at, end), 16);
      at = end + 2;
      if (size === 0) {
        // Trailers, if any, lie between that line's end and an empty line.
        if (!await connection.readUntil("\r\n\r\n", end)) return null;
        at = connection.received.indexOf("\r\n\r\n", end) + 4;
        break;
      }
      if (!await take(size + 2)) return null;
      parts.push(parts.pop()!.slice(0, -2));
    }
  }
  return { text: connection.received.slice(from, at), line, fields, body: parts.join("") };
}
