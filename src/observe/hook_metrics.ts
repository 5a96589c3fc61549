/**
 * What the hooks of modules cost, and how often they fail.
 *
 * @module
 */
import { Histogram } from "./histogram.ts";

/** What is counted for a hook. */
export class HookMetrics {
  /** The module. */
  readonly module: string;
  /** The hook's name. */
  readonly phase: string;
  /** How long its calls took, what they waited for included. */
  readonly durations: Histogram = new Histogram();
  /** Calls that ended. */
  calls = 0;
  /** Calls that threw or rejected. */
  failures = 0;

  /** Nothing yet of that hook. */
  constructor(module: string, phase: string) {
    this.module = module;
    this.phase = phase;
  }

  /** Counts a call. */
  add(ms: number, failed: boolean): void {
    this.calls++;
    if (failed) this.failures++;
    this.durations.add(ms);
  }
}
