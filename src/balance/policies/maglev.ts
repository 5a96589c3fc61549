/**
 * Consistent hashing by a table.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import type { Policy, PolicyFactory } from "../policy.ts";
import { mixedHash } from "./hash.ts";
import type { RandomOptions } from "./sampler.ts";
import { fillTable } from "./maglev_table.ts";

/** Slots of the table: those of Maglev's paper and Envoy, and a larger one of the paper. */
const SIZES = { usual: 65_537, large: 655_373 } as const;
/** With so many slots a backend, none has more than about 1 % too many. */
const SLOTS_EACH = 100;
/** The largest table, as in Envoy. */
const MOST_SLOTS = 5_000_011;
/** Slots that may turn out unusable before all backends are looked at. */
const PATIENCE = 64;

/** Settings of {@linkcode maglev}. */
export interface MaglevOptions extends RandomOptions {
  /**
   * Slots of the table, a prime number; 100 for every backend keep the shares within 1 %.
   * @default {65_537, from 656 backends on 655_373}
   */
  tableSize?: number;
}

/**
 * Sends requests of the same key to the same backend. Against {@linkcode ringHash} its shares are more even, and the
 * keys of a backend that cannot be used spread over all others rather than over its neighbours; in return a few keys
 * more than 1/n move when a backend leaves or joins, and all do when the group outgrows its table. A request without
 * key goes anywhere.
 *
 * Cost: O(1), a hash of the key and one look-up, plus a step for every unusable slot; building the table is about
 * O(slots), some 5 ms for 65,537 and 100 ms for 655,373. Comes from Eisenbud et al., "Maglev" (2016); weights as in
 * Envoy's `MAGLEV`, by how often a backend takes a slot.
 *
 * @example
 * ```ts
 * import { maglev } from "./maglev.ts";
 * const policy = maglev();
 * ```
 * @throws {RangeError} when `tableSize` is not a prime number up to 5,000,011
 */
export function maglev(options: MaglevOptions = {}): PolicyFactory {
  const { tableSize } = options;
  if (tableSize !== undefined && !(tableSize <= MOST_SLOTS && isPrime(tableSize))) {
    throw new RangeError(
      `Cannot use "tableSize" of maglev: expected a prime number up to ${MOST_SLOTS}, found ${tableSize}`,
    );
  }
  return () => new Maglev(options);
}

class Maglev implements Policy {
  readonly #random: () => number;
  readonly #fixedSize: number | undefined;
  #backends: readonly Backend[] = [];
  #weights: readonly number[] = [];
  #table = new Uint32Array(0);

  constructor({ random = Math.random, tableSize }: MaglevOptions) {
    this.#random = random;
    this.#fixedSize = tableSize;
  }

  update(backends: readonly Backend[]): void {
    const before = this.#backends;
    const isSame = backends.length === before.length &&
      backends.every((backend, i) => backend === before[i] && backend.weight === this.#weights[i]);
    if (isSame) return;
    this.#backends = [...backends];
    this.#weights = backends.map(({ weight }) => weight);
    this.#table = fillTable(backends, this.#sizeFor(backends.length));
  }

  pick(usable: (backend: Backend) => boolean, { key }: { key: string | undefined }): Backend | undefined {
    const table = this.#table;
    const size = table.length;
    if (size === 0) return undefined;
    const hash = key === undefined ? Math.floor(this.#random() * 2 ** 32) : mixedHash(key, 0);
    let at = hash % size;
    const first = this.#backends[table[at]!]!;
    if (usable(first)) return first;
    // The size is prime: any step leads through all slots, each key's on its own way.
    const step = 1 + mixedHash(key ?? "", hash) % (size - 1);
    for (let i = 1; i < PATIENCE; i++) {
      at = (at + step) % size;
      const backend = this.#backends[table[at]!]!;
      if (usable(backend)) return backend;
    }
    const left = this.#backends.filter(usable);
    return left[hash % left.length];
  }

  /** A table does not shrink, as every key would move. */
  #sizeFor(n: number): number {
    if (n === 0) return 0;
    const usual = n * SLOTS_EACH <= SIZES.usual ? SIZES.usual : SIZES.large;
    const size = this.#fixedSize ?? Math.max(usual, this.#table.length);
    return n < size ? size : MOST_SLOTS;
  }
}

function isPrime(n: number): boolean {
  if (!Number.isSafeInteger(n) || n < 2) return false;
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return true;
}
