/**
 * Drawing backends by chance, each as often as its weight says.
 *
 * @module
 */
import type { Backend } from "../backend.ts";

/** A number from 0 up to, and without, 1. */
export type RandomSource = () => number;

/** Settings of a policy that leaves something to chance. */
export interface RandomOptions {
  /** Where chance comes from; a seeded one gives the same choices in every run. @default {Math.random} */
  random?: RandomSource;
}

/** Draws that may fail before all backends are looked at; where half cannot be used, one pick in 4 thousand million needs more. */
const DRAWS = 32;
/** Draws for a second backend, which a policy can do without. */
const SECOND_DRAWS = 8;

/**
 * An alias table (Walker 1974, Vose 1991): drawing costs one random number, whatever the weights; building is O(n).
 * Backends that cannot be used are drawn again, so that the others keep their shares of what is left.
 */
export class Sampler {
  readonly #random: RandomSource;
  #backends: readonly Backend[] = [];
  /** How much of slot i is backend i's own; the rest is its alias's. Empty when all weights are equal. */
  #own = new Float64Array(0);
  #alias = new Uint32Array(0);

  /** Empty. */
  constructor(random: RandomSource = Math.random) {
    this.#random = random;
  }

  /** Replaces the backends. */
  update(backends: readonly Backend[]): void {
    this.#backends = [...backends];
    const n = backends.length;
    const total = backends.reduce((sum, { weight }) => sum + weight, 0);
    const isEqual = backends.every(({ weight }) => weight === backends[0]!.weight);
    const own = this.#own = new Float64Array(isEqual ? 0 : n);
    const alias = this.#alias = new Uint32Array(own.length);
    if (isEqual) return;
    const small: number[] = [];
    const large: number[] = [];
    for (let i = 0; i < n; i++) {
      own[i] = backends[i]!.weight / total * n;
      (own[i]! < 1 ? small : large).push(i);
    }
    while (small.length > 0 && large.length > 0) {
      const less = small.pop()!;
      const more = large.at(-1)!;
      alias[less] = more;
      own[more]! -= 1 - own[less]!;
      if (own[more]! < 1) small.push(large.pop()!);
    }
    // What is left is 1 but for rounding.
    for (const i of small) own[i] = 1;
    for (const i of large) own[i] = 1;
  }

  /** A usable backend, or undefined when there is none. */
  one(usable: (backend: Backend) => boolean): Backend | undefined {
    if (this.#backends.length === 0) return undefined;
    for (let i = 0; i < DRAWS; i++) {
      const backend = this.#draw();
      if (usable(backend)) return backend;
    }
    return this.#search(usable);
  }

  /** A usable backend that is not `first`; undefined when none was found with little effort. */
  other(usable: (backend: Backend) => boolean, first: Backend): Backend | undefined {
    if (this.#backends.length < 2) return undefined;
    for (let i = 0; i < SECOND_DRAWS; i++) {
      const backend = this.#draw();
      if (backend !== first && usable(backend)) return backend;
    }
    return undefined;
  }

  #draw(): Backend {
    const own = this.#own;
    const x = this.#random() * this.#backends.length;
    const i = Math.floor(x);
    return this.#backends[own.length === 0 || x - i < own[i]! ? i : this.#alias[i]!]!;
  }

  /** Looks at all, once each. */
  #search(usable: (backend: Backend) => boolean): Backend | undefined {
    let total = 0;
    let chosen: Backend | undefined;
    for (const backend of this.#backends) {
      if (!usable(backend)) continue;
      total += backend.weight;
      if (this.#random() * total < backend.weight) chosen = backend;
    }
    return chosen;
  }
}
