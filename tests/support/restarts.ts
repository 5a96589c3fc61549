/**
 * Restarting a worker again and again.
 *
 * @module
 */
import { HookWorkers } from "../../src/sandbox/hook_workers.ts";
import type { SessionView } from "../../src/sandbox/protocol.ts";

const VIEW: SessionView = ["id", "127.0.0.1", "http", "GET", "/", "host\na", 0, 0, 0, 0, 0, []];
const NOTHING = { net: false, read: false, write: false, env: false, run: false, sys: false, ffi: false };

/** Starts a worker and loses it, so many times; the memory of the process after each, in bytes. */
export async function restarts(times: number): Promise<number[]> {
  const name = "failing.ts";
  const url = new URL(`./modules/${name}`, import.meta.url).href;
  const settings = { url, name, permissions: NOTHING, upstreams: undefined, audit: false } as const;
  // No two failures fall within the window, so that nothing is waited for.
  const workers = new HookWorkers(settings, { timeout: 20_000, breaker: { limit: 1_000, window: 0 } });
  await workers.start();
  const memory: number[] = [];
  for (let request = 1; request <= times; request++) {
    const place = { request, worker: undefined, peer: undefined, holdsBack: false };
    await workers.call("requestFilter", place, VIEW, []);
    workers.died(place.worker!, "it was lost on purpose");
    memory.push(Deno.memoryUsage().rss);
  }
  workers.close();
  return memory;
}
