/**
 * How long the header_filter sample takes from the start of its process to the first byte that it passes on.
 *
 * @module
 */
import { cleanly, note, print } from "./cleanup.ts";
import { posternCommand } from "./peers/postern.ts";
import { spawn } from "./process.ts";
import { freePort } from "./server.ts";

const RUNS = 15;
/** How long one may take, in milliseconds. */
const PATIENCE = 10_000;
const REQUEST = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");

await cleanly(180, async () => {
  const origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("ok"));
  const address = `127.0.0.1:${origin.addr.port}`;
  // The first run may have to compile what later ones find in Deno's cache.
  await coldStart(address);
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    times.push(await coldStart(address));
    note(`${times[i]!.toFixed(0)} ms`);
  }
  times.sort((a, b) => a - b);
  const [median, least, most] = [times[(RUNS - 1) / 2]!, times[0]!, times[RUNS - 1]!].map(Math.round);
  print(`cold start to the first proxied byte: median ${median} ms of ${RUNS} runs, ${least} to ${most} ms`);
  return 0;
});

async function coldStart(origin: string): Promise<number> {
  const port = freePort();
  const begun = performance.now();
  const proxy = await spawn(posternCommand(port, origin), { core: "any" });
  try {
    using client = await connectTo(port, begun + PATIENCE);
    await client.write(REQUEST);
    const answer = new Uint8Array(1024);
    const n = await client.read(answer);
    const time = performance.now() - begun;
    const line = new TextDecoder().decode(answer.subarray(0, n ?? 0)).split("\r\n")[0]!;
    if (line !== "HTTP/1.1 200 OK") throw new Error(`the proxy answers ${JSON.stringify(line)}`);
    return time;
  } finally {
    await proxy.stop();
  }
}

/** Tries until somebody listens. The pause is short against what is measured; without it, trying takes the start's time. */
async function connectTo(port: number, deadline: number): Promise<Deno.TcpConn> {
  while (true) {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
