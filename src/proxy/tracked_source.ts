/**
 * A response's body on its last leg: whoever asked learns how much went through, and how it ended.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";
import { ProxyError } from "../http/errors.ts";

/** Who learns of a body's passage. */
export interface BodyObserver {
  /** The client is ready for a chunk. */
  wanted(): void;
  /** A chunk of `n` bytes went through. */
  passed(n: number): void;
  /** It is over: complete (null), failed, or not wanted any more because the client left. Called once. */
  ended(error: unknown): void;
}

/** Passes chunks on and reports them. */
export class TrackedSource implements BodySource {
  readonly #source: BodySource;
  readonly #observer: BodyObserver;
  #aborted: ProxyError | undefined;

  /** Takes the source over. */
  constructor(source: BodySource, observer: BodyObserver) {
    this.#source = source;
    this.#observer = observer;
  }

  /** The next chunk, or null. */
  async read(): Promise<Uint8Array | null> {
    this.#observer.wanted();
    try {
      const chunk = await this.#source.read();
      if (this.#aborted !== undefined) throw this.#aborted;
      if (chunk === null) this.#observer.ended(null);
      else this.#observer.passed(chunk.length);
      return chunk;
    } catch (error) {
      this.#source.cancel();
      this.#observer.ended(error);
      throw error;
    }
  }

  /** Breaks it off: whoever reads on gets the error. */
  abort(error: ProxyError): void {
    this.#aborted = error;
    this.#source.cancel();
    this.#observer.ended(error);
  }

  /** Gives the rest up, as a client does that leaves. */
  cancel(): void {
    this.#source.cancel();
    this.#observer.ended(new ProxyError("client_gone", "The client went away in the middle of the response"));
  }
}
