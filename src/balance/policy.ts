/**
 * How one of several backends is chosen.
 *
 * @module
 */
import type { Backend } from "./backend.ts";

/** Chooses a backend. */
export interface Policy {
  /**
   * One of the backends that `usable` accepts, or undefined when there is none.
   *
   * @param backends All members of the group, in a stable order.
   */
  pick(backends: readonly Backend[], usable: (backend: Backend) => boolean): Backend | undefined;
}
