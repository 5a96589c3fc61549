/**
 * Letting a backend that came back have its share little by little.
 *
 * @module
 */
import type { Backend } from "./backend.ts";

/** The share that a backend begins with; with less, it would hardly warm up. */
const FIRST_SHARE = 0.1;

/** The backend came back just now: it is up, or no longer ejected; its share grows for `slowStart` milliseconds. */
export function beginSlowStart(backend: Backend, now: number, slowStart: number): void {
  if (slowStart > 0) backend.slowUntil = now + slowStart;
}

/**
 * The part of its weight that a backend may have: accept a pick of it with that probability. It grows evenly from a tenth
 * to all of it, and is 1 for all that did not come back just now.
 */
export function acceptShare(backend: Backend, now: number, slowStart: number): number {
  const left = backend.slowUntil - now;
  if (left <= 0 || slowStart <= 0) return 1;
  return 1 - (1 - FIRST_SHARE) * Math.min(left / slowStart, 1);
}
