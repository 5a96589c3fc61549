/**
 * What comes back from hooks.
 *
 * @module
 */
import { messageOf, ProxyError } from "../http/errors.ts";
import type { Awaitable } from "./hooks.ts";

/** Whether a hook's result has to be waited for. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** An error that a hook is to blame for; a {@linkcode ProxyError} that it threw itself is its choice of answer. */
export function hookError(phase: string, error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  return new ProxyError("hook_failed", `hook ${phase} failed: ${messageOf(error)}`, { cause: error });
}
