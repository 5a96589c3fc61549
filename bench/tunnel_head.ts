/**
 * The upgrade of a connection to a tunnel for bytes, as both ends of it need it.
 *
 * @module
 */

/** The answer of an origin that agrees. */
export const ANSWER: Uint8Array<ArrayBuffer> = new TextEncoder().encode(
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n",
);

/** The answer to a request that is none for an upgrade. */
export const REFUSAL: Uint8Array<ArrayBuffer> = new TextEncoder().encode(
  "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
);

const LATIN1 = new TextDecoder("latin1");
/** The longest head that is read. */
const LONGEST = 16 << 10;

/** A head, and what came behind it in the same read. */
export interface Head {
  /** Its lines, the empty one left out. */
  lines: string[];
  /** The first bytes of what follows. */
  rest: Uint8Array;
}

/** The request for a tunnel; the query tells the origin what to do with it. */
export function requestOf(port: number, query: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    `GET /tunnel?${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n`,
  );
}

/** Whether a request asks for a tunnel. */
export function isUpgrade(lines: readonly string[]): boolean {
  return lines[0]!.startsWith("GET /tunnel?") &&
    lines.some((line) => line.toLowerCase() === "upgrade: bytes");
}

/** The status in the first line of an answer. */
export function statusOf(line: string): string | undefined {
  return /^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1];
}

/** Where a head ends, the empty line included; undefined when it is not whole yet. */
export function headEnd(text: string): number | undefined {
  const end = text.indexOf("\r\n\r\n");
  return end < 0 ? undefined : end + 4;
}

/** Reads the head of a request or of an answer; undefined when the connection ends before it is whole. */
export async function readHead(conn: Deno.Conn): Promise<Head | undefined> {
  const buffer = new Uint8Array(LONGEST);
  for (let length = 0; length < LONGEST;) {
    const n = await conn.read(buffer.subarray(length));
    if (n === null) return undefined;
    length += n;
    const text = LATIN1.decode(buffer.subarray(0, length));
    const end = headEnd(text);
    if (end !== undefined) {
      return { lines: text.slice(0, end - 4).split("\r\n"), rest: buffer.slice(end, length) };
    }
  }
  throw new Error(`A head is longer than ${LONGEST} bytes`);
}

/** Writes all of it. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
}
