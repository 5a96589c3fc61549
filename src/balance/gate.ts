/**
 * Letting no more than so many in at a time.
 *
 * @module
 */

/** A gate that keeps those who wait in their order. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** Lets `limit` in at a time. */
  constructor(limit: number) {
    this.#free = limit;
  }

  /** Runs `work` as soon as there is room. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
