/**
 * A bound on the load of a backend, for policies that do not look at loads otherwise.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import type { Choice } from "../policy.ts";

/** What a policy that bounds loads would like to know of the group. */
export interface LoadChoice extends Choice {
  /** Requests under way on all its members together; when it is not told, they are added up for every pick. */
  readonly inFlight?: number;
}

/**
 * Says whether a backend has room for one more request: it may have `ceil(factor * (total + 1) * share)` under way,
 * where total is what all have, and share is its weight against that of all usable ones.
 */
export class LoadBound {
  readonly #factor: number;
  #backends: readonly Backend[] = [];
  #usableWeight = 0;
  /** How many more picks go by the usable weight as it was; one for every backend, so that adding up costs no more than they. */
  #picks = 0;
  /** What a weight of 1 may have under way at this moment. */
  #allowed = 0;
  #total = 0;

  /** @param factor How far above the average a backend may be, 1 or more. */
  constructor(factor: number) {
    this.#factor = factor;
  }

  /** Replaces the backends. */
  update(backends: readonly Backend[]): void {
    this.#backends = backends;
    this.#picks = 0;
  }

  /** Begins a pick. */
  begin(usable: (backend: Backend) => boolean, { inFlight }: LoadChoice): void {
    this.#total = inFlight ?? this.#sum();
    if (this.#picks-- <= 0) this.recount(usable);
    else this.#set();
  }

  /** Whether the backend may get another request. */
  hasRoom({ inFlight, weight }: Backend): boolean {
    return inFlight < Math.ceil(this.#allowed * weight);
  }

  /** Adds up the weights of the usable; whether there are any. */
  recount(usable: (backend: Backend) => boolean): boolean {
    let weight = 0;
    for (const backend of this.#backends) if (usable(backend)) weight += backend.weight;
    this.#usableWeight = weight;
    this.#picks = this.#backends.length;
    this.#set();
    return weight > 0;
  }

  #set(): void {
    this.#allowed = this.#factor * (this.#total + 1) / this.#usableWeight;
  }

  #sum(): number {
    let total = 0;
    for (const { inFlight } of this.#backends) total += inFlight;
    return total;
  }
}
