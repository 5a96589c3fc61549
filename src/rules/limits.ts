/**
 * Counting requests: buckets that lose a token with each request and get tokens back with time.
 *
 * A bucket is one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371).
 *
 * @module
 */
import type { Awaitable } from "../proxy/hooks.ts";

/** What a bucket says to a request. */
export interface Verdict {
  /** Whether there was a token for it. */
  readonly allowed: boolean;
  /** Whole tokens that are left. */
  readonly remaining: number;
  /** When there will be a token, in seconds; 0 when the request is allowed. */
  readonly retryAfter: number;
}

/** Where buckets are kept. */
export interface LimitStore {
  /** Takes a token out of the bucket of a key, which gets `rate` tokens a second back and holds `burst` at most. */
  take(key: string, rate: number, burst: number): Awaitable<Verdict>;
}

/** What follows when one more token would leave a bucket `missing` milliseconds short of being full. */
export function verdict(missing: number, rate: number, burst: number): Verdict {
  const over = missing - burst * 1_000 / rate;
  // Sums of fractions are not exact.
  if (over > 0.001) return { allowed: false, remaining: 0, retryAfter: over / 1_000 };
  return { allowed: true, remaining: Math.floor(-over * rate / 1_000 + 1e-6), retryAfter: 0 };
}

/** Buckets that are looked at to make room for another. */
const LOOKED_AT = 16;

/** Settings of {@linkcode LocalLimits}. */
export interface LocalLimitsOptions {
  /** Buckets at most. @default {100_000} */
  readonly most?: number;
  /** The clock, in milliseconds. @default {performance.now} */
  readonly now?: () => number;
}

/**
 * Buckets in the memory of this process. When there are too many, some are looked at in turn: those that are full are
 * dropped, which changes nothing, or else the one that is nearest to it. A bucket that is spent so outlives any number
 * of keys that were used once.
 */
export class LocalLimits implements LimitStore {
  readonly #fullAt = new Map<string, number>();
  readonly #most: number;
  readonly #now: () => number;
  #hand: IterableIterator<[string, number]> = this.#fullAt.entries();

  /** Without buckets. */
  constructor({ most = 100_000, now = () => performance.now() }: LocalLimitsOptions = {}) {
    this.#most = most;
    this.#now = now;
  }

  /** Buckets that are kept. */
  get size(): number {
    return this.#fullAt.size;
  }

  /** Takes a token. */
  take(key: string, rate: number, burst: number): Verdict {
    const now = this.#now();
    const before = this.#fullAt.get(key);
    const fullAt = Math.max(before ?? 0, now) + 1_000 / rate;
    const result = verdict(fullAt - now, rate, burst);
    if (!result.allowed) return result;
    if (before === undefined && this.#fullAt.size >= this.#most) this.#makeRoom(now);
    this.#fullAt.set(key, fullAt);
    return result;
  }

  #makeRoom(now: number): void {
    let least: string | undefined;
    let leastAt = Infinity;
    for (let i = 0; i < LOOKED_AT; i++) {
      const next = this.#hand.next();
      if (next.done) {
        this.#hand = this.#fullAt.entries();
        continue;
      }
      const [key, fullAt] = next.value;
      if (fullAt <= now) this.#fullAt.delete(key);
      else if (fullAt < leastAt) [least, leastAt] = [key, fullAt];
    }
    if (this.#fullAt.size >= this.#most && least !== undefined) this.#fullAt.delete(least);
  }
}
