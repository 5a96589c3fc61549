/**
 * The first that can be used.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import type { Policy, PolicyFactory } from "../policy.ts";

/**
 * Chooses the first backend, in the order of the group, that can be used. Weights mean nothing. With `maxInFlight` it
 * fills one backend after the other, so that those at the end can be switched off; without, it is plain fail-over.
 *
 * Cost: as many looks as there are unusable backends before the first usable one; 1 as a rule. Comes from HAProxy's
 * `balance first` and Caddy's `first`.
 *
 * @example
 * ```ts
 * import { firstAvailable } from "./first_available.ts";
 * const policy = firstAvailable();
 * ```
 */
export function firstAvailable(): PolicyFactory {
  return () => new FirstAvailable();
}

class FirstAvailable implements Policy {
  #backends: readonly Backend[] = [];

  update(backends: readonly Backend[]): void {
    this.#backends = [...backends];
  }

  pick(usable: (backend: Backend) => boolean): Backend | undefined {
    for (const backend of this.#backends) if (usable(backend)) return backend;
    return undefined;
  }
}
