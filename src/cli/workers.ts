/**
 * Several processes that share a configuration's listeners.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { ConfigNeed } from "../config/config_needs.ts";
import { flagsOf } from "../sandbox/print.ts";
import { sleep } from "../http/sleep.ts";
import { onSignals, stopSignal } from "./signals.ts";
import { needsOfWorker } from "./worker.ts";

/** A process that ended by itself is started again after so long, in milliseconds. */
const RESTART_AFTER = 1_000;
/** As in the tasks of deno.json: keeps V8 from giving short-lived garbage ever more room. */
const HEAP = "--v8-flags=--max-semi-space-size=16";

/**
 * Runs a configuration in so many processes, each with exactly the permissions that it needs, until a signal; signals are
 * passed on. One that ends by itself is started again.
 *
 * @throws {Error} when processes may not be started
 */
export async function runWorkers(
  file: string,
  needs: readonly ConfigNeed[],
  count: number,
  more: readonly string[],
): Promise<number> {
  const program = Deno.execPath();
  const { state } = await Deno.permissions.query({ name: "run", command: program });
  if (state !== "granted") {
    throw new Error(`Cannot start ${count} processes: no permission, add --allow-run=${program}`);
  }
  const children = new Map<number, Deno.ChildProcess>();
  let isStopping = false;
  const stopping = new AbortController();
  const start = (worker: number) => {
    const args = ["run", "-c", file, "--worker", String(worker), ...more];
    const child = new Deno.Command(program, {
      args: Deno.build.standalone ? args : [
        ...["run", "--no-prompt", HEAP, ...flagsOf(needsOfWorker(needs, worker))],
        fileURLToPath(new URL("../../main.ts", import.meta.url)),
        ...args,
      ],
      // Its end tells the process that this one is gone.
      stdin: "piped",
    }).spawn();
    children.set(worker, child);
    return child;
  };
  const keep = async (worker: number) => {
    while (!isStopping) {
      const child = start(worker);
      const { code } = await child.status;
      children.delete(worker);
      await child.stdin.close().catch(() => {});
      // What cannot be used does not get better by trying again.
      if (code === 2) return code;
      if (!isStopping) await sleep(RESTART_AFTER, stopping.signal);
    }
    return 0;
  };
  const tell = (signal: Deno.Signal) => {
    for (const child of children.values()) child.kill(signal);
  };
  const signals = onSignals({ SIGHUP: () => tell("SIGHUP"), SIGUSR1: () => tell("SIGUSR1") });
  const all = Promise.all(Array.from({ length: count }, (_, worker) => keep(worker)));
  const ended = await Promise.race([all, stopSignal()]);
  isStopping = true;
  stopping.abort();
  if (typeof ended === "string") tell("SIGTERM");
  const codes = await all;
  signals.stop();
  return Math.max(...codes);
}
