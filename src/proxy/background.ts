/**
 * Keeping background services running.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import { sleep } from "../http/sleep.ts";
import type { BackgroundService } from "./hooks.ts";

/** The first and the longest pause before a failed service is started again, in milliseconds. */
export const RESTART_AFTER = [1_000, 60_000] as const;

/**
 * Runs a service until the signal; one that fails is started again after a pause that doubles, from the first on again
 * when it ran for longer than the longest.
 */
export async function supervise(service: BackgroundService, signal: AbortSignal): Promise<void> {
  const [first, longest] = RESTART_AFTER;
  let pause: number = first;
  while (!signal.aborted) {
    const startedAt = performance.now();
    try {
      await service.run(signal);
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (performance.now() - startedAt > longest) pause = first;
      getLogger("postern").error(
        `background service ${service.name} failed: ${messageOf(error)}; starting it again in ${
          pause / 1000
        } s`,
      );
    }
    await sleep(pause, signal);
    pause = Math.min(pause * 2, longest);
  }
}
