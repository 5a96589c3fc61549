/**
 * How much later an event of `text/event-stream` reaches its client through a proxy than without one; README.md tells how it is
 * done.
 *
 * @module
 */
import { cleanly, note, print } from "./cleanup.ts";
import { short, table } from "./markdown.ts";
import { nginxEvents } from "./peers/nginx.ts";
import { postern, posternTcp } from "./peers/postern.ts";

const EVENTS = 2_000;
/** Between two events, in milliseconds: each is alone on its way. */
const PAUSE = 2;

await cleanly(120, async (dir) => {
  const origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    const encoder = new TextEncoder();
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        controller.enqueue(encoder.encode(`data: ${performance.now()}\n\n`));
        if (++sent === EVENTS) controller.close();
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  const address = `127.0.0.1:${origin.addr.port}`;
  const rows = [["none", ...times(await delays(address))]];
  for (const peer of [postern, posternTcp, nginxEvents]) {
    note(peer.name);
    const proxy = await peer.start(`${dir}/${peer.name}`, address);
    rows.push([peer.name, ...times(await delays(`127.0.0.1:${proxy.port}`))]);
    await proxy.stop();
  }
  print(table(["proxy", "p50 ms", "p99 ms", "most ms"], rows));
  await origin.shutdown();
  return 0;
});

/** From each event's making to its arrival, in milliseconds, shortest first. */
async function delays(address: string): Promise<number[]> {
  const [hostname, port] = address.split(":") as [string, string];
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(
    new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${address}\r\nConnection: close\r\n\r\n`),
  );
  const found: number[] = [];
  const buffer = new Uint8Array(64 * 1024);
  const decoder = new TextDecoder();
  let rest = "";
  for (let n; (n = await connection.read(buffer)) !== null;) {
    const now = performance.now();
    const events = (rest + decoder.decode(buffer.subarray(0, n))).split("\n\n");
    rest = events.pop()!;
    for (const event of events) {
      const at = /data: ([\d.]+)/.exec(event)?.[1];
      if (at !== undefined) found.push(now - Number(at));
    }
  }
  if (found.length !== EVENTS) throw new Error(`${found.length} of ${EVENTS} events came`);
  return found.sort((a, b) => a - b);
}

function times(sorted: readonly number[]): string[] {
  return [0.5, 0.99, 1].map((q) => short(sorted[Math.ceil(q * sorted.length) - 1]!));
}
