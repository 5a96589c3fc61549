/**
 * The end of the tunnels behind a proxy, a program of its own. Argument: PORT.
 *
 * `GET /tunnel?download` streams bytes, `?upload` takes bytes in, `?messages` sends back what comes.
 *
 * @module
 */
import { BLOCK, readHead, writeAll } from "./tunnel_head.ts";

const BYTES = new Uint8Array(BLOCK).fill(120);
const ANSWER = new TextEncoder().encode(
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n",
);
const REFUSAL = new TextEncoder().encode("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");

for await (const conn of Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) })) {
  // A client that goes away is how every tunnel ends.
  serve(conn).catch(() => {}).finally(() => conn.close());
}

async function serve(conn: Deno.TcpConn): Promise<void> {
  const head = await readHead(conn);
  if (head === undefined) return;
  const kind = /^GET \/tunnel\?(\w+) /.exec(head.lines[0]!)?.[1];
  if (kind === undefined || !head.lines.some((line) => line.toLowerCase() === "upgrade: bytes")) {
    return await writeAll(conn, REFUSAL);
  }
  await writeAll(conn, ANSWER);
  if (kind === "download") return await pour(conn);
  await writeAll(conn, kind === "messages" ? head.rest : new Uint8Array());
  const buffer = new Uint8Array(BLOCK);
  for (let n: number | null; (n = await conn.read(buffer)) !== null;) {
    if (kind === "messages") await writeAll(conn, buffer.subarray(0, n));
  }
}

async function pour(conn: Deno.TcpConn): Promise<never> {
  while (true) await writeAll(conn, BYTES);
}
