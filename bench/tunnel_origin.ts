/**
 * The end of the tunnels behind a proxy, a program of its own. Argument: PORT.
 *
 * `GET /tunnel?download` streams bytes, `?upload` takes bytes in.
 *
 * @module
 */
import { ANSWER, isUpgrade, readHead, REFUSAL, writeAll } from "./tunnel_head.ts";

/** How much is read or written at once; large, so that the two ends take little of their core. */
const BLOCK = 256 << 10;
const BYTES = new Uint8Array(BLOCK).fill(120);

for await (const conn of Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) })) {
  // A client that goes away is how every tunnel ends.
  serve(conn).catch(() => {}).finally(() => conn.close());
}

async function serve(conn: Deno.TcpConn): Promise<void> {
  const head = await readHead(conn);
  if (head === undefined) return;
  if (!isUpgrade(head.lines)) return await writeAll(conn, REFUSAL);
  await writeAll(conn, ANSWER);
  while (head.lines[0]!.includes("?download ")) await writeAll(conn, BYTES);
  const buffer = new Uint8Array(BLOCK);
  while (await conn.read(buffer) !== null);
}
