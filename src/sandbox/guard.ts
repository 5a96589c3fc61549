/**
 * A limit on how long code may keep its thread.
 *
 * Deno ends a worker only between two turns of its event loop (as of 2.9.6): one that never comes back would use up a
 * core until the process ends, and a hog all of its memory. The timeout of `node:vm` stops it from another thread.
 *
 * @module
 */
import { Script } from "node:vm";

/** The name of a global that runs what is to be guarded: a script finds nothing else. */
const NAME = "#guarded";

/** Runs work, and the microtasks that it leaves; false when it was stopped because it took too long. */
export type Guard = (work: () => void) => boolean;

/** Makes a guard that stops work after so many milliseconds. Call it before any code that is to be guarded runs. */
export function makeGuard(limit: number): Guard {
  const { core } = (Deno as unknown as Record<symbol, { core: { runMicrotasks(): void } }>)[
    (Deno as unknown as { internal: symbol }).internal
  ]!;
  const { runMicrotasks } = core;
  let next: (() => void) | undefined;
  Object.defineProperty(globalThis, NAME, {
    value() {
      const work = next;
      next = undefined;
      if (work === undefined) return;
      work();
      runMicrotasks();
    },
  });
  const script = new Script(`globalThis[${JSON.stringify(NAME)}]()`);
  return (work) => {
    next = work;
    try {
      script.runInThisContext({ timeout: limit });
      return true;
    } catch (error) {
      if ((error as { code?: string })?.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      return false;
    }
  };
}

/** Puts guarded timers in the place of this thread's own; `stopped` is called when one was stopped. */
export function guardTimers(guard: Guard, stopped: () => void): void {
  for (const name of ["setTimeout", "setInterval"] as const) {
    const original = globalThis[name] as unknown as (callback: () => void, delay?: number) => number;
    const guarded = (callback: unknown, delay?: number, ...args: unknown[]): number => {
      if (typeof callback !== "function") {
        throw new TypeError(`Cannot set a timer: the callback is ${typeof callback}, expected a function`);
      }
      return original(() => void (guard(() => callback(...args)) || stopped()), delay);
    };
    Object.defineProperty(globalThis, name, { value: guarded, writable: true, configurable: true });
  }
}
