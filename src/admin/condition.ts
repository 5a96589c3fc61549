/**
 * The state of a backend, in a word.
 *
 * @module
 */
import type { Backend } from "../balance/backend.ts";

/** How it is with a backend: `unchecked` before the first check, or without checks; `probing` while its breaker lets probes through. */
export type State =
  | "up"
  | "unchecked"
  | "probing"
  | "draining"
  | "disabled"
  | "ejected"
  | "open"
  | "down";

/** A state, and whether the backend gets new requests in it. */
export interface Condition {
  /** The state. */
  readonly state: State;
  /** Whether it gets new requests. */
  readonly takesRequests: boolean;
}

/** The state of a backend at a time on `performance.now()`'s clock; what an operator said comes before all else. */
export function condition(backend: Backend, now: number = performance.now()): Condition {
  const state = stateOf(backend, now);
  return { state, takesRequests: state === "up" || state === "unchecked" || state === "probing" };
}

function stateOf({ admin, healthy, outlier, breaker }: Backend, now: number): State {
  if (admin !== "enabled") return admin;
  if (healthy === false) return "down";
  if (outlier !== undefined && outlier.until > now) return "ejected";
  if (breaker?.state === "open") return "open";
  if (breaker?.state === "half-open") return "probing";
  return healthy === undefined ? "unchecked" : "up";
}
