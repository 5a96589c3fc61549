/**
 * Restarting a worker again and again.
 *
 * @module
 */
import { Crew } from "../../src/sandbox/crew.ts";
import type { HookWorker } from "../../src/sandbox/hook_worker.ts";

const NOTHING = { net: false, read: false, write: false, env: false, run: false, sys: false, ffi: false };

/** Starts a worker and loses it, so many times; the memory of the process after each, in bytes. */
export async function restarts(times: number): Promise<number[]> {
  const name = "failing.ts";
  const url = new URL(`./modules/${name}`, import.meta.url).href;
  const settings = { url, name, permissions: NOTHING, upstreams: undefined, audit: false } as const;
  let joined = Promise.withResolvers<HookWorker>();
  // No two failures fall within the window, so that nothing is waited for.
  const crew = new Crew(settings, { breaker: { limit: 1_000, window: 0 } }, {
    joined: (worker) => joined.resolve(worker),
    replied() {},
    lost() {},
    disabled() {},
  });
  await crew.start();
  const memory: number[] = [];
  for (let i = 0; i < times; i++) {
    const worker = await joined.promise;
    joined = Promise.withResolvers();
    crew.died(worker, "it was lost on purpose");
    memory.push(Deno.memoryUsage().rss);
  }
  await joined.promise;
  crew.close();
  return memory;
}
