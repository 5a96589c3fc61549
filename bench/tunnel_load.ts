/**
 * The end of the tunnels in front of a proxy, a program of its own. Arguments: CONTROL PORT KIND TUNNELS.
 *
 * Opens its tunnels, then listens on CONTROL. From then on all tunnels are kept busy. Every GET there is answered with
 * what was counted since the one before, as JSON, or by 500 and a reason once a tunnel failed.
 *
 * @module
 */
import { messageOf, note } from "./cleanup.ts";
import { Histogram } from "./histogram.ts";
import type { TunnelCounts } from "./tunnel_measure.ts";
import { BLOCK, openTunnel, writeAll } from "./tunnel_head.ts";

/** Bytes of a message. */
const MESSAGE = 64;

const [control, port, kind, tunnels] = Deno.args;
const times = new Histogram();
let bytes = 0;
let messages = 0;
let since = performance.now();
let failure: string | undefined;

try {
  const opening = Array.from({ length: Number(tunnels) }, () => openTunnel(Number(port), kind!));
  for (const { conn, rest } of await Promise.all(opening)) {
    keepBusy(conn, rest).catch((error) => failure ??= messageOf(error));
  }
} catch (error) {
  note(messageOf(error));
  Deno.exit(1);
}
Deno.serve({ hostname: "127.0.0.1", port: Number(control), onListen: () => {} }, () => {
  if (failure !== undefined) return new Response(failure, { status: 500 });
  return Response.json(counts());
});

function counts(): TunnelCounts {
  const now = performance.now();
  const [p50, p99] = [times.percentile(50), times.percentile(99)];
  const result = { bytes, messages, micros: (now - since) * 1000, p50, p99 };
  bytes = messages = 0;
  since = now;
  times.clear();
  return result;
}

function keepBusy(conn: Deno.TcpConn, rest: Uint8Array): Promise<never> {
  if (kind === "download") return takeIn(conn, rest);
  if (kind === "upload") return pour(conn);
  return pingPong(conn);
}

async function takeIn(conn: Deno.TcpConn, rest: Uint8Array): Promise<never> {
  bytes += rest.length;
  const buffer = new Uint8Array(BLOCK);
  for (let n: number | null; (n = await conn.read(buffer)) !== null;) bytes += n;
  throw new Error("The proxy closed a tunnel");
}

async function pour(conn: Deno.TcpConn): Promise<never> {
  const block = new Uint8Array(BLOCK).fill(120);
  while (true) bytes += await conn.write(block);
}

/** Each message has a number, so that what comes back is known to be its own. */
async function pingPong(conn: Deno.TcpConn): Promise<never> {
  const message = new Uint8Array(MESSAGE);
  const answer = new Uint8Array(MESSAGE);
  const sent = new DataView(message.buffer);
  const received = new DataView(answer.buffer);
  for (let number = 1;; number = number + 1 >>> 0) {
    sent.setUint32(0, number);
    const begun = performance.now();
    await writeAll(conn, message);
    for (let length = 0; length < MESSAGE;) {
      const n = await conn.read(answer.subarray(length));
      if (n === null) throw new Error("The proxy closed a tunnel");
      length += n;
    }
    times.add(performance.now() - begun);
    if (received.getUint32(0) !== number) throw new Error("A message came back as another one");
    messages++;
    bytes += MESSAGE;
  }
}
