/**
 * Starting workers in the place of those that failed: after a pause, and not again and again.
 *
 * @module
 */
import { messageOf } from "../http/errors.ts";
import { Breaker, type BreakerOptions } from "./breaker.ts";
import type { ModuleLog } from "./module_log.ts";

/** The restarts of one module's workers. */
export class Restarts {
  readonly #breaker: Breaker;
  readonly #log: ModuleLog;
  readonly #start: () => Promise<unknown>;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #closed = false;

  /** `start` starts one worker. */
  constructor(log: ModuleLog, start: () => Promise<unknown>, options: BreakerOptions) {
    this.#log = log;
    this.#start = start;
    this.#breaker = new Breaker(options);
  }

  /** Whether the module has not failed too often of late. */
  get enabled(): boolean {
    return this.#breaker.allows();
  }

  /** A worker failed, and another will be started; false when the module is disabled until then. */
  failed(): boolean {
    const pause = this.#breaker.failed();
    const { enabled } = this;
    if (!enabled) this.#log.error(`disabled for ${Math.ceil(pause / 1000)} s: it failed too often`);
    this.#startAfter(pause);
    return enabled;
  }

  /** Nothing is started any more. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #startAfter(pause: number): void {
    const timer = setTimeout(async () => {
      this.#timers.delete(timer);
      try {
        await this.#start();
      } catch (error) {
        if (this.#closed) return;
        const again = this.#breaker.failed();
        this.#log.error(`not started, again in ${Math.ceil(again) / 1000} s: ${messageOf(error)}`);
        this.#startAfter(again);
      }
    }, pause);
    this.#timers.add(timer);
  }
}
