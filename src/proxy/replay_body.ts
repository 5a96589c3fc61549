/**
 * A request's body that can be sent again at another attempt, as long as it is short.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";

/** How much of a body is kept for another attempt, in bytes. Pingora keeps as much. */
export const REPLAY_LIMIT = 64 * 1024;

/** Reads a body once and hands it to every attempt from its beginning, until more than the limit was read. */
export class ReplayBody {
  readonly #source: BodySource;
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #replayable = true;
  #ended = false;
  #pending: Promise<Uint8Array | null> | null = null;

  /** Takes the source over. */
  constructor(source: BodySource) {
    this.#source = source;
  }

  /** Whether another attempt could be given all of it. */
  get replayable(): boolean {
    return this.#replayable;
  }

  /** Whether its last chunk was read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The body from its beginning. */
  fromStart(): BodySource {
    let next = 0;
    const source = this.#source;
    return {
      read: async () => {
        if (this.#replayable && next < this.#kept.length) return this.#kept[next++]!;
        const chunk = await this.#pull();
        next++;
        return chunk;
      },
      get trailers() {
        return source.trailers;
      },
      cancel() {},
    };
  }

  /** Gives up what was not read. */
  cancel(): void {
    if (!this.#ended) this.#source.cancel();
  }

  /** An attempt that was given up may still be waiting for the chunk that the next attempt needs: they share it. */
  #pull(): Promise<Uint8Array | null> {
    if (this.#ended) return Promise.resolve(null);
    return this.#pending ??= this.#source.read().then((chunk) => {
      if (chunk === null) this.#ended = true;
      else this.#keep(chunk);
      return chunk;
    }).finally(() => this.#pending = null);
  }

  #keep(chunk: Uint8Array): void {
    this.#keptBytes += chunk.length;
    if (this.#keptBytes <= REPLAY_LIMIT) {
      this.#kept.push(chunk);
    } else {
      this.#replayable = false;
      this.#kept.length = 0;
    }
  }
}
