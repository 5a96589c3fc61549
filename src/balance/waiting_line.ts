/**
 * Requests that wait for an upstream.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";

/** A request that waits. */
interface Waiting<T> {
  /** What it waits for, as soon as that can be had. */
  readonly take: () => T | undefined;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
  readonly done: () => void;
}

/** Those that wait are looked at this often, in milliseconds: an ejection that is over by the clock tells nobody. */
const LOOK_EVERY = 50;

/** A bounded line in which each waits no longer than its time, first come, first served. */
export class WaitingLine<T> {
  readonly #size: number;
  readonly #line = new Set<Waiting<T>>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** A line for at most `size`. */
  constructor(size: number) {
    this.#size = size;
  }

  /** How many wait. */
  get length(): number {
    return this.#line.size;
  }

  /**
   * Waits until `take` gives something.
   *
   * @param timeout In milliseconds.
   * @param signal Leaves the line; the promise rejects with its reason.
   * @throws {ProxyError} `overloaded` when the line is full or the time is over
   */
  wait(take: () => T | undefined, timeout: number, signal?: AbortSignal): Promise<T> {
    if (this.#line.size >= this.#size) {
      return Promise.reject(
        new ProxyError("overloaded", `${this.#size} requests wait for an upstream already`),
      );
    }
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const leave = (error: unknown) => {
        waiting.done();
        reject(error);
      };
      const onAbort = () => leave(signal!.reason);
      const timer = setTimeout(
        () => leave(new ProxyError("overloaded", `No upstream became free within ${timeout} ms`)),
        timeout,
      );
      const waiting: Waiting<T> = {
        take,
        resolve,
        reject,
        done: () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", onAbort);
          this.#line.delete(waiting);
          if (this.#line.size === 0) clearInterval(this.#timer);
        },
      };
      signal?.addEventListener("abort", onAbort);
      if (this.#line.size === 0) this.#timer = setInterval(() => this.serve(), LOOK_EVERY);
      this.#line.add(waiting);
    });
  }

  /** Something may have become free: serves those that can be, from the front. What one waits for another may not. */
  serve(): void {
    for (const waiting of this.#line) {
      let value: T | undefined;
      try {
        value = waiting.take();
      } catch (error) {
        waiting.done();
        waiting.reject(error);
        continue;
      }
      if (value === undefined) continue;
      waiting.done();
      waiting.resolve(value);
    }
  }
}
