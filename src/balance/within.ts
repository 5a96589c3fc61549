/**
 * Giving work no more than its time.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";

/**
 * Does work until it ends, the time is over or the signal aborts, whichever comes first. The work is told of both by the
 * signal that it gets; work that does not heed it is left to itself.
 *
 * @param timeout In milliseconds.
 * @throws what the work throws, the signal's reason, or a `ProxyError` that says that there was no answer
 */
export async function within<T>(
  timeout: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  const timer = setTimeout(
    () => limit.abort(new ProxyError("connect_timeout", `no answer within ${timeout} ms`)),
    timeout,
  );
  signal.addEventListener("abort", stop);
  try {
    return await new Promise<T>((resolve, reject) => {
      limit.signal.addEventListener("abort", () => reject(limit.signal.reason));
      if (signal.aborted) return stop();
      Promise.resolve(work(limit.signal)).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
