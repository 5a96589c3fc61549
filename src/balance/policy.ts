/**
 * How one of several backends is chosen.
 *
 * @module
 */
import type { Backend } from "./backend.ts";

/** What a policy may know of the request. */
export interface Choice {
  /** What requests that belong together have in common, for policies that hash; undefined for those that do not. */
  readonly key: string | undefined;
}

/**
 * Chooses a backend. A policy is made anew for every tier of a group, so that it may keep state.
 *
 * Choosing must not get slower with the number of backends, as long as most of them can be used.
 */
export interface Policy {
  /** Told of the members, and of every change of them or their weights. None has weight 0. The order is stable. */
  update(backends: readonly Backend[]): void;
  /** One of the backends that `usable` accepts, or undefined when there is none. */
  pick(usable: (backend: Backend) => boolean, choice: Choice): Backend | undefined;
}

/** Makes a policy. */
export type PolicyFactory = () => Policy;
