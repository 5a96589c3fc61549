/**
 * What a WebSocket message costs a proxy there and back; README.md tells how it is done.
 *
 * @module
 */
import { cleanly, note, print } from "./cleanup.ts";
import { short, table } from "./markdown.ts";
import { nginxTunnels } from "./peers/nginx.ts";
import { postern, posternTcp } from "./peers/postern.ts";
import { usageOf } from "./proc_stat.ts";
import { takeLoadCore } from "./process.ts";

const SOCKETS = 64;
const SECONDS = 4;
const WARM_UP = 1;
const MESSAGE = "x".repeat(64);

await cleanly(120, async (dir) => {
  await takeLoadCore();
  const origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  const rows: string[][] = [];
  for (const peer of [nginxTunnels, postern, posternTcp]) {
    note(peer.name);
    const proxy = await peer.start(`${dir}/${peer.name}`, `127.0.0.1:${origin.addr.port}`);
    const load = await startLoad(proxy.port);
    await load.measure(WARM_UP);
    const before = await usageOf(proxy.pid);
    const { messages, p50 } = await load.measure(SECONDS);
    const cpu = ((await usageOf(proxy.pid)).cpu - before.cpu) * 1e6;
    load.stop();
    rows.push([peer.name, short(messages / SECONDS), short(cpu / messages), short(p50)]);
    await proxy.stop();
  }
  print(table(["proxy", "messages/s", "CPU us/message", "p50 us"], rows));
  await origin.shutdown();
  return 0;
});

/** Sockets that each have one message on its way. */
async function startLoad(port: number) {
  let times: number[] = [];
  let isOver = false;
  const sockets = await Promise.all(Array.from({ length: SOCKETS }, async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`no WebSocket by port ${port}`));
    });
    let sentAt = performance.now();
    socket.onmessage = () => {
      const now = performance.now();
      times.push(now - sentAt);
      sentAt = now;
      if (!isOver) socket.send(MESSAGE);
    };
    socket.send(MESSAGE);
    return socket;
  }));
  return {
    async measure(seconds: number) {
      times = [];
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
      const found = times.sort((a, b) => a - b);
      return { messages: found.length, p50: found[found.length >> 1]! * 1_000 };
    },
    stop() {
      isOver = true;
      for (const socket of sockets) socket.close();
    },
  };
}
