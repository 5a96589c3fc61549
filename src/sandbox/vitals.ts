/**
 * Telling whether a worker is well: by its silence, and by its memory.
 *
 * @module
 */
import type { HookWorker } from "./hook_worker.ts";

/** A worker that has work and gives no sign of life for so long, in milliseconds, is stuck in a loop. */
const STUCK = 400;
/** As much of one that has nothing to do, which is asked less often. */
const STUCK_IDLE = 1_000;
/** From so much silence on, in milliseconds, the memory of the process is watched. */
const QUIET = 100;

/** What is wrong with a worker: it has to go at once, or as soon as it has finished what it has begun. */
export interface Finding {
  cause: string;
  atOnce: boolean;
}

/** Judges the workers of one module. */
export class Vitals {
  readonly #memoryLimit: number;
  #rss = 0;

  /** `memoryLimit` is for each worker, in bytes. */
  constructor(memoryLimit: number) {
    this.#memoryLimit = memoryLimit;
  }

  /** Takes the memory of the process as it is now for normal. */
  rest(): void {
    this.#rss = Deno.memoryUsage().rss;
  }

  /** Whether a worker has been heard of lately. */
  isHeard(worker: HookWorker): boolean {
    return worker.silence(performance.now()) < QUIET;
  }

  /** What a worker's silence means. */
  bySilence(worker: HookWorker, now: number, busy: boolean): Finding | undefined {
    const silence = worker.silence(now);
    const limit = busy ? STUCK : STUCK_IDLE;
    if (silence > limit) return { cause: `it was stuck for ${limit} ms`, atOnce: true };
    if (silence <= QUIET || Deno.memoryUsage().rss - this.#rss <= this.#memoryLimit) return undefined;
    return { cause: `it was stuck and took more than ${this.#limit} of memory`, atOnce: true };
  }

  /** What it means that a worker holds so many bytes. */
  byMemory(bytes: number): Finding | undefined {
    if (bytes <= this.#memoryLimit) return undefined;
    const atOnce = bytes > 2 * this.#memoryLimit;
    return { cause: `it holds more than ${atOnce ? "twice " : ""}${this.#limit}`, atOnce };
  }

  get #limit(): string {
    return `${Math.round(this.#memoryLimit / 1024 / 1024)} MB`;
  }
}
