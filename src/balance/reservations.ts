/**
 * Places on backends that requests were given and have not taken yet.
 *
 * @module
 */
import type { Backend } from "./backend.ts";

/** A place that is not taken within this time, in milliseconds, is free again: its request failed, or was given up. */
const LAPSES_AFTER = 100;

/** A place that nobody has taken yet. */
interface Place {
  timer?: ReturnType<typeof setTimeout>;
}

/**
 * Keeps places between the choice of a backend and the beginning of the attempt: a hook may wait in between, and others
 * must not be given the same place.
 */
export class Reservations {
  readonly #places = new Map<Backend, Place[]>();
  readonly #freed: () => void;

  /** `freed` is told of places that were not taken. */
  constructor(freed: () => void) {
    this.#freed = freed;
  }

  /** Keeps a place on the backend. */
  add(backend: Backend): void {
    const place: Place = {};
    const places = this.#places.get(backend);
    if (places === undefined) this.#places.set(backend, [place]);
    else places.push(place);
    backend.reserved++;
    // Mostly it is taken in the same turn, and needs no timer.
    queueMicrotask(() => {
      if (!this.#places.get(backend)?.includes(place)) return;
      place.timer = setTimeout(() => {
        this.#remove(backend, place);
        this.#freed();
      }, LAPSES_AFTER);
    });
  }

  /** An attempt on the backend begins, and takes a place that was kept, if there is one. */
  take(backend: Backend): void {
    if (backend.reserved === 0) return;
    const [place] = this.#places.get(backend) ?? [];
    if (place === undefined) return;
    clearTimeout(place.timer);
    this.#remove(backend, place);
  }

  #remove(backend: Backend, place: Place): void {
    const places = this.#places.get(backend)!;
    places.splice(places.indexOf(place), 1);
    if (places.length === 0) this.#places.delete(backend);
    backend.reserved--;
  }
}
