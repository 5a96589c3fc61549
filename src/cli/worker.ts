/**
 * One of several processes: it shares the listeners with the others, and has an admin listener of its own, on the next port.
 *
 * @module
 */
import type { ConfigNeed } from "../config/config_needs.ts";
import type { Runnable } from "./runnable.ts";
import { stopSignal } from "./signals.ts";

/** A configuration as that process runs it, counted from 0. */
export function forWorker(runnable: Runnable, worker: number): Runnable {
  const { plan } = runnable;
  const listeners = plan.listeners.map((listener) => ({
    ...listener,
    options: { ...listener.options, reusePort: true },
  }));
  const admin = plan.admin && { ...plan.admin, listen: portOf(plan.admin.listen, worker) };
  return { ...runnable, needs: needsOfWorker(runnable.needs, worker), plan: { ...plan, listeners, admin } };
}

/** What that process needs to be granted. */
export function needsOfWorker(needs: readonly ConfigNeed[], worker: number): ConfigNeed[] {
  return needs.map((need) =>
    need.path[0] === "admin" && need.kind === "net" ? { ...need, value: portOf(need.value, worker) } : need
  );
}

/**
 * As {@linkcode stopSignal}, and also when the process that started this one is gone, which holds the other end of standard
 * input: it could not pass signals on any more, and the next one would find the addresses taken.
 */
export function stopOfWorker(): Promise<string> {
  return Promise.race([stopSignal(), supervisorGone()]);
}

async function supervisorGone(): Promise<string> {
  const buffer = new Uint8Array(64);
  while (await Deno.stdin.read(buffer) !== null);
  return "the supervisor is gone";
}

function portOf(address: string, worker: number): string {
  return address.replace(/:(\d+)$/, (_, port) => `:${Number(port) + worker}`);
}
