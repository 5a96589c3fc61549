/**
 * Round robin over many backends of unequal weights.
 *
 * @module
 */
import type { Backend } from "../backend.ts";
import type { Policy } from "../policy.ts";

/** Backends that may turn out unusable before all are looked at. */
const PATIENCE = 32;
/** Multiples of it, taken modulo 1, lie as far from each other as can be. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Earliest deadline first: every backend is due 1 / weight after its last turn, and whoever is due first has the next.
 * The first turns are spread over one round, so that a heavy backend does not have several before anyone else.
 * A backend that cannot be used loses its turn. O(log n), by a heap.
 */
export class EarliestDeadline implements Policy {
  #backends: readonly Backend[] = [];
  /** From one turn to the next, by place in the group. */
  #steps = new Float64Array(0);
  /** A heap of places in the group: whoever is due first is at 0, and the four children of i, from 4i + 1 on, no earlier. */
  #heap = new Uint32Array(0);
  /** When each is due, in the order of the heap. */
  #due = new Float64Array(0);

  update(backends: readonly Backend[]): void {
    // How much of its round each has still to wait.
    const waits = new Map<Backend, number>();
    for (const [at, place] of this.#heap.entries()) {
      waits.set(this.#backends[place]!, (this.#due[at]! - this.#due[0]!) / this.#steps[place]!);
    }
    this.#backends = [...backends];
    this.#steps = Float64Array.from(backends, ({ weight }) => 1 / weight);
    this.#due = Float64Array.from(backends, (b, i) => (waits.get(b) ?? (i + 1) * GOLDEN % 1) / b.weight);
    this.#heap = Uint32Array.from(backends, (_, i) => i);
    for (let at = backends.length - 1; at >= 0; at--) this.#sink(at, this.#due[at]!);
  }

  pick(usable: (backend: Backend) => boolean): Backend | undefined {
    if (this.#backends.length === 0) return undefined;
    for (let i = 0; i < PATIENCE; i++) {
      const backend = this.#turn(0);
      if (usable(backend)) return backend;
    }
    return this.#search(usable);
  }

  /** Whoever is there in the heap has its turn, and is due again a step from now. */
  #turn(at: number): Backend {
    const place = this.#heap[at]!;
    this.#sink(at, this.#due[0]! + this.#steps[place]!);
    return this.#backends[place]!;
  }

  /** Looks at all, once each. */
  #search(usable: (backend: Backend) => boolean): Backend | undefined {
    let best = -1;
    let earliest = Infinity;
    for (let at = 0; at < this.#heap.length; at++) {
      if (this.#due[at]! >= earliest || !usable(this.#backends[this.#heap[at]!]!)) continue;
      earliest = this.#due[at]!;
      best = at;
    }
    return best < 0 ? undefined : this.#turn(best);
  }

  /** Whoever is there is due at that time, no earlier than before. */
  #sink(at: number, time: number): void {
    const heap = this.#heap;
    const due = this.#due;
    const n = heap.length;
    const place = heap[at]!;
    for (;;) {
      const first = 4 * at + 1;
      if (first >= n) break;
      let child = first;
      for (let other = first + 1; other < n && other < first + 4; other++) {
        if (due[other]! < due[child]!) child = other;
      }
      if (due[child]! >= time) break;
      heap[at] = heap[child]!;
      due[at] = due[child]!;
      at = child;
    }
    heap[at] = place;
    due[at] = time;
  }
}
