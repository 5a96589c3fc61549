/**
 * Distributions of times.
 *
 * @module
 */

/** Upper bounds of the buckets that are published, in seconds: those that OpenTelemetry advises for HTTP. */
export const BOUNDS: readonly number[] = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.075,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
];
const BOUNDS_MS = BOUNDS.map((bound) => bound * 1_000);

/** Counts by the bounds of {@linkcode BOUNDS}, as Prometheus has its histograms. */
export class Histogram {
  /** How many times lie within each bound and above the one before; the last are above all. */
  readonly counts: number[] = Array.from({ length: BOUNDS.length + 1 }, () => 0);
  /** All times together, in milliseconds. */
  sum = 0;

  /** Counts a time, in milliseconds. */
  add(ms: number): void {
    this.sum += ms;
    let i = 0;
    while (i < BOUNDS_MS.length && ms > BOUNDS_MS[i]!) i++;
    this.counts[i]!++;
  }
}

/** Steps of a {@linkcode Quantiles} between a time and its double: each is 9 % wider than the one before. */
const PER_OCTAVE = 8;
/** The shortest time that is told from shorter ones, in milliseconds: 2 to the power of that. */
const LOWEST = -4;
const STEPS = PER_OCTAVE * 22;

/** A distribution that tells quantiles, within 9 % from 0.06 ms to four minutes. */
export class Quantiles {
  /** Times counted. */
  count = 0;
  readonly #counts = new Uint32Array(STEPS);

  /** Counts a time, in milliseconds. */
  add(ms: number): void {
    this.count++;
    const step = Math.floor((Math.log2(ms) - LOWEST) * PER_OCTAVE);
    // The logarithm of 0 is no number that an index could be.
    this.#counts[step > 0 ? Math.min(step, STEPS - 1) : 0]!++;
  }

  /** The time that the share `q` of all is not above, in milliseconds; undefined without any. */
  at(q: number): number | undefined {
    if (this.count === 0) return undefined;
    let left = Math.max(1, Math.ceil(q * this.count));
    const step = this.#counts.findIndex((count) => (left -= count) <= 0);
    return 2 ** ((step + 0.5) / PER_OCTAVE + LOWEST);
  }

  /** Forgets all. */
  clear(): void {
    this.count = 0;
    this.#counts.fill(0);
  }
}
