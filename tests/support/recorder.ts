/**
 * Hook modules that write down which of their hooks were called.
 *
 * @module
 */
import type { ProxyModule } from "../../src/mod.ts";
import { HOOKS } from "../../src/proxy/hooks.ts";

/** The name of a hook. */
export type HookName = typeof HOOKS[number];

/** A call of a hook. */
export interface Call {
  /** Which. */
  hook: HookName;
  /** The arguments. */
  args: unknown[];
}

/** A module and the calls of its hooks. */
export interface Recorded {
  /** The module, with every hook. */
  module: ProxyModule;
  /** The calls, in order. */
  calls: Call[];
  /** The names of the calls, in order. */
  names(): HookName[];
}

/**
 * A module in which every hook is there and records its calls, then does what `hooks` says, or nothing.
 *
 * @param later Makes all hooks answer with a promise that takes a turn of the event loop.
 */
export function recorded(hooks: ProxyModule, later = false): Recorded {
  const calls: Call[] = [];
  const module: Record<string, unknown> = { ...hooks };
  for (const hook of HOOKS) {
    const own = hooks[hook] as ((...args: unknown[]) => unknown) | undefined;
    module[hook] = (...args: unknown[]) => {
      calls.push({ hook, args });
      if (!later) return own?.(...args);
      return new Promise((resolve) => setTimeout(resolve, 0)).then(() => own?.(...args));
    };
  }
  return { module: module as ProxyModule, calls, names: () => calls.map(({ hook }) => hook) };
}
