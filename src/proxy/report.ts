/**
 * What the logs say of a request.
 *
 * @module
 */
import { getLogger } from "@std/log";
import type { ProxyError } from "../http/errors.ts";
import type { AccessEntry } from "../observe/access_log.ts";
import type { RequestState } from "./request_state.ts";

/** The request in the access log. */
export function accessEntry(run: RequestState, error: ProxyError | null): AccessEntry {
  const { method, target, host } = run.front;
  const totalMs = run.elapsed;
  return {
    startedAt: Date.now() - totalMs,
    clientAddress: run.clientAddress,
    method,
    target,
    host,
    status: run.status,
    bytesSent: run.bytesSent,
    bytesReceived: run.bytesReceived,
    flag: error?.flag ?? "-",
    listener: run.listener,
    route: run.shared.route,
    upstream: run.upstream,
    attempts: run.attempts,
    connectMs: run.connectMs,
    firstByteMs: run.firstByteMs,
    totalMs,
    id: run.id,
    headers: run.request.headers,
  };
}

/** Says in the application log why a request failed: own faults as errors, an upstream's as warnings. */
export function report(run: RequestState, error: ProxyError): void {
  const log = getLogger("postern");
  const line = `${summary(run)}: ${error.status} ${error.flag} ${error.type}: ${error.message}`;
  if (error.source === "downstream") log.debug(line);
  else if (error.source === "upstream") log.warn(line);
  else log.error(line);
}

/** The request in a few words. */
export function summary(run: RequestState): string {
  const { method, host, target } = run.front;
  return `${method} ${host}${target} (${run.id})`;
}
