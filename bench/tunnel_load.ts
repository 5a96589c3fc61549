/**
 * The end of the tunnels in front of a proxy, a program of its own. Arguments: CONTROL PORT TUNNELS KIND, where KIND is
 * `download` or `upload`.
 *
 * Opens its tunnels, then listens on CONTROL. From then on all tunnels are kept busy. Every GET there is answered with
 * what was counted since the one before, as JSON, or by 500 and a reason once a tunnel failed.
 *
 * @module
 */
import { messageOf, note } from "./cleanup.ts";
import { readHead, requestOf, statusOf, writeAll } from "./tunnel_head.ts";
import type { TunnelCounts } from "./tunnel_measure.ts";

/** How much is read or written at once; large, so that the two ends take little of their core. */
const BLOCK = 256 << 10;
const BYTES = new Uint8Array(BLOCK).fill(120);

const [control, port, tunnels, kind] = Deno.args;
let bytes = 0;
let since = performance.now();
let failure: string | undefined;

try {
  const conns = await Promise.all(Array.from({ length: Number(tunnels) }, open));
  for (const conn of conns) {
    const busy = kind === "upload" ? pour(conn) : takeIn(conn);
    busy.catch((error) => failure ??= messageOf(error));
  }
} catch (error) {
  note(messageOf(error));
  Deno.exit(1);
}
Deno.serve({ hostname: "127.0.0.1", port: Number(control), onListen: () => {} }, () => {
  if (failure !== undefined) return new Response(failure, { status: 500 });
  return Response.json(counts());
});

async function open(): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await writeAll(conn, requestOf(Number(port), kind!));
  const line = (await readHead(conn))?.lines[0] ?? "";
  if (statusOf(line) !== "101") throw new Error(`The answer to an upgrade is ${JSON.stringify(line)}`);
  return conn;
}

async function takeIn(conn: Deno.TcpConn): Promise<never> {
  const buffer = new Uint8Array(BLOCK);
  for (let n: number | null; (n = await conn.read(buffer)) !== null;) bytes += n;
  throw new Error("The proxy closed a tunnel");
}

async function pour(conn: Deno.TcpConn): Promise<never> {
  while (true) {
    // Not `bytes += await ...`, which would add to what it was before the wait, and lose what others added since.
    const n = await conn.write(BYTES);
    bytes += n;
  }
}

function counts(): TunnelCounts {
  const now = performance.now();
  const result = { bytes, messages: 0, micros: (now - since) * 1000, p50: 0, p99: 0 };
  bytes = 0;
  since = now;
  return result;
}
