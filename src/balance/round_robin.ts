/**
 * Round robin.
 *
 * @module
 */
import type { Backend } from "./backend.ts";
import type { Policy } from "./policy.ts";

/** Takes the backends in turn, passing over those that cannot be used. */
export class RoundRobin implements Policy {
  #next = 0;

  /** The next usable backend. */
  pick(backends: readonly Backend[], usable: (backend: Backend) => boolean): Backend | undefined {
    for (let i = 0; i < backends.length; i++) {
      const at = (this.#next + i) % backends.length;
      if (!usable(backends[at]!)) continue;
      this.#next = at + 1;
      return backends[at];
    }
    return undefined;
  }
}
