/**
 * The upgrade of a connection to a tunnel for bytes, as both ends of it need it.
 *
 * @module
 */

/** How much is read or written at once; large, so that the two ends take little of their core. */
export const BLOCK = 256 << 10;

/** A head, and what came behind it in the same read. */
export interface Head {
  /** Its lines, the empty one left out. */
  lines: string[];
  /** The first bytes of the tunnel. */
  rest: Uint8Array;
}

/** Reads the head of a request or of an answer; undefined when the connection ends before it is whole. */
export async function readHead(conn: Deno.Conn): Promise<Head | undefined> {
  const buffer = new Uint8Array(16 << 10);
  let length = 0;
  while (length < buffer.length) {
    const n = await conn.read(buffer.subarray(length));
    if (n === null) return undefined;
    length += n;
    const text = LATIN1.decode(buffer.subarray(0, length));
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return { lines: text.slice(0, end).split("\r\n"), rest: buffer.slice(end + 4, length) };
  }
  throw new Error(`The head is longer than ${buffer.length} bytes`);
}

const LATIN1 = new TextDecoder("latin1");

/**
 * Opens a tunnel.
 *
 * @param query What the origin shall do with it.
 * @throws {Error} when the answer is not 101
 */
export async function openTunnel(
  port: number,
  query: string,
): Promise<{ conn: Deno.TcpConn; rest: Uint8Array }> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await writeAll(
      conn,
      new TextEncoder().encode(
        `GET /tunnel?${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n`,
      ),
    );
    const head = await readHead(conn);
    const line = head?.lines[0];
    if (head === undefined || line?.split(" ")[1] !== "101") {
      throw new Error(`The answer to an upgrade is ${line === undefined ? "missing" : JSON.stringify(line)}`);
    }
    return { conn, rest: head.rest };
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** Writes all of it. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
}
