/**
 * Stopping in good order.
 *
 * @module
 */
import type { Front } from "../downstream/front.ts";
import { sleep } from "../http/sleep.ts";
import type { Proxy } from "./proxy.ts";

/** Requests that were ended get this long for their answers to be sent, in milliseconds. */
const LAST_WORDS = 1_000;
/** Answers that nothing tells of get this long to leave, in milliseconds. */
const LAST_BYTES = 200;

/**
 * Stops accepting, lets requests under way finish for up to `drain` milliseconds, then ends them; with 0 everything is
 * closed at once. Whether all finished in time.
 */
export async function stop(proxy: Proxy, fronts: readonly Front[], drain: number): Promise<boolean> {
  if (drain === 0) {
    const idle = proxy.counters.active === 0;
    proxy.abort();
    await Promise.all(fronts.map((front) => front.close()));
    await proxy.close();
    return idle;
  }
  // Requests on a listener that failed and was opened anew are known to the counters alone.
  const shutdown = Promise.all(fronts.map((front) => front.shutdown())).then(() => proxy.idle())
    .then(() => fronts.some(({ failed }) => failed) ? sleep(LAST_BYTES) : undefined);
  const drained = await within(shutdown, drain);
  if (!drained) {
    proxy.abort();
    if (!await within(shutdown, LAST_WORDS)) {
      for (const front of fronts) front.close();
      await within(shutdown, LAST_BYTES);
    }
  }
  await proxy.close();
  return drained;
}

/** Whether the promise resolved within so many milliseconds. */
async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  const inTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}
