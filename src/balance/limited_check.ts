/**
 * Giving a check no more than its time.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";
import type { Peer } from "../upstream/peer.ts";
import type { Check } from "./tcp_check.ts";

/**
 * Runs a check until it ends, the time is over or the signal aborts, whichever comes first. The check is told of both
 * by the signal that it gets; one that does not heed it is left to itself.
 *
 * @param timeout In milliseconds.
 */
export async function checkWithin(
  timeout: number,
  check: Check,
  peer: Peer,
  signal: AbortSignal,
): Promise<void> {
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  const timer = setTimeout(
    () => limit.abort(new ProxyError("connect_timeout", `no answer within ${timeout} ms`)),
    timeout,
  );
  signal.addEventListener("abort", stop);
  try {
    await new Promise<void>((resolve, reject) => {
      limit.signal.addEventListener("abort", () => reject(limit.signal.reason));
      if (signal.aborted) return stop();
      Promise.resolve(check(peer, limit.signal)).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
