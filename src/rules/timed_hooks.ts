/**
 * Measuring what the hooks of a module cost.
 *
 * @module
 */
import { HookMetrics } from "../observe/hook_metrics.ts";
import { isPromise } from "../proxy/hook_result.ts";
import { HOOKS, type ProxyModule } from "../proxy/hooks.ts";

// deno-lint-ignore no-explicit-any
type Hook = (...args: any[]) => unknown;

/**
 * The module with hooks that measure themselves, and what they measure.
 *
 * @param known What hooks of that module have measured before: they count on.
 */
export function timedHooks(
  name: string,
  module: ProxyModule,
  known: readonly HookMetrics[] = [],
): { module: ProxyModule; metrics: HookMetrics[] } {
  const metrics: HookMetrics[] = [];
  const timed: Record<string, unknown> = { ...module };
  if (module.newContext !== undefined) timed.newContext = module.newContext.bind(module);
  for (const phase of HOOKS) {
    const hook = module[phase] as Hook | undefined;
    // Making a context is no work to speak of.
    if (hook === undefined || phase === "newContext") continue;
    const own = known.find((one) => one.module === name && one.phase === phase) ??
      new HookMetrics(name, phase);
    metrics.push(own);
    timed[phase] = measured(hook.bind(module), own);
  }
  return { module: timed as ProxyModule, metrics };
}

function measured(hook: Hook, metrics: HookMetrics): Hook {
  return (...args) => {
    const begun = performance.now();
    const ended = (failed: boolean) => metrics.add(performance.now() - begun, failed);
    try {
      const result = hook(...args);
      if (isPromise(result)) result.then(() => ended(false), () => ended(true));
      else ended(false);
      return result;
    } catch (error) {
      ended(true);
      throw error;
    }
  };
}
