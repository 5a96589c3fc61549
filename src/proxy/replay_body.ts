/**
 * A request's body that can be sent again at another attempt, as long as it is short.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";

/** How much of a body is kept for another attempt, in bytes. Pingora keeps as much. */
export const REPLAY_LIMIT = 64 * 1024;

/**
 * Reads a body once and hands it to every attempt from its beginning, until more than the limit was read. What the present
 * attempt has not read yet is kept in any case.
 */
export class ReplayBody {
  readonly #source: BodySource;
  /** Chunks that were read, from the one numbered `#first` on. */
  #kept: Uint8Array[] = [];
  #first = 0;
  #keptBytes = 0;
  #attempts = 0;
  #replayable = true;
  #ended = false;
  #pending: Promise<void> | null = null;

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

  /** The body from its beginning, for a new attempt; the one before gets no more. */
  fromStart(): BodySource {
    const attempt = ++this.#attempts;
    let next = 0;
    const source = this.#source;
    return {
      read: async () => {
        if (next === this.#first + this.#kept.length && !this.#ended) await this.#pull();
        if (attempt !== this.#attempts) return null;
        const chunk = this.#kept[next - this.#first];
        if (chunk === undefined) return null;
        next++;
        if (!this.#replayable) this.#drop(next);
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
  #pull(): Promise<void> {
    return this.#pending ??= this.#source.read().then((chunk) => {
      if (chunk === null) this.#ended = true;
      else this.#keep(chunk);
    }).finally(() => this.#pending = null);
  }

  #keep(chunk: Uint8Array): void {
    this.#kept.push(chunk);
    this.#keptBytes += chunk.length;
    if (this.#keptBytes > REPLAY_LIMIT) this.#replayable = false;
  }

  /** Forgets the chunks ahead of that number. */
  #drop(number: number): void {
    this.#kept.splice(0, number - this.#first);
    this.#first = number;
  }
}
