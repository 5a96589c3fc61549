/**
 * Requests that break a rule.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";

/** The error for a request that is refused for what is said in the log: answered with 400. */
export function refused(what: string): ProxyError {
  return new ProxyError("bad_request", `Refused request: ${what}`);
}
