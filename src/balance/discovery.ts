/**
 * Finding the members of a group.
 *
 * @module
 */
import type { Member } from "./backend.ts";

/** Finds the members of a group, and goes on looking. Never empties a group because it could not find out. */
export interface Discovery {
  /** Named in the log. */
  readonly name: string;
  /**
   * Looks until `signal` aborts. `found` is called with all members, at first as soon as they are known and then
   * whenever they have changed.
   */
  run(signal: AbortSignal, found: (members: readonly Member[]) => void): Promise<void>;
}
