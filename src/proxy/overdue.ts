/**
 * The deadlines of a request.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";
import type { RequestState } from "./request_state.ts";

/** What a request has missed by now, if anything. */
export function overdue(run: RequestState, now: number): ProxyError | undefined {
  const { clientBodyTimeout, clientWriteTimeout, totalTimeout } = run.shared.options;
  if (now >= run.clientDeadline) {
    return new ProxyError(
      "client_timeout",
      `The client sent nothing of its body for ${clientBodyTimeout} ms`,
    );
  }
  if (now >= run.sendDeadline) {
    const text = `The client took nothing of the response for ${clientWriteTimeout} ms`;
    return new ProxyError("client_timeout", text);
  }
  if (now < run.deadline) return undefined;
  return new ProxyError("deadline", `No response within ${totalTimeout} ms in ${run.attempts} attempts`);
}
