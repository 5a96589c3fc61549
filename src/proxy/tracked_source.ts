/**
 * A response's body on its last leg: whoever asked learns how much went through, and how it ended.
 *
 * @module
 */
import type { BodySource } from "../http/body.ts";
import type { HeaderList } from "../http/headers.ts";
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

  /** As the source's own, which may have none. */
  readonly readInto: BodySource["readInto"];

  /** Takes the source over. */
  constructor(source: BodySource, observer: BodyObserver) {
    this.#source = source;
    this.#observer = observer;
    this.readInto = source.readInto && ((into) => {
      observer.wanted();
      const n = source.readInto!(into);
      return n instanceof Promise ? this.#later(n) : this.#read(n);
    });
  }

  /** As the source's own. */
  get isReady(): boolean | undefined {
    return this.#source.isReady;
  }

  /** The trailer fields. */
  get trailers(): HeaderList | undefined {
    return this.#source.trailers;
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

  async #later(reading: Promise<number | null>): Promise<number | null> {
    try {
      const n = await reading;
      if (this.#aborted !== undefined) throw this.#aborted;
      return this.#read(n);
    } catch (error) {
      this.#source.cancel();
      this.#observer.ended(error);
      throw error;
    }
  }

  #read(n: number | null): number | null {
    if (n === null) this.#observer.ended(null);
    else this.#observer.passed(n);
    return n;
  }

  /** Breaks it off: whoever reads on gets the error. */
  abort(error: ProxyError): void {
    this.#aborted = error;
    this.#source.cancel();
    this.#observer.ended(error);
  }

  /** Gives the rest up, as a client does that leaves. */
  cancel(reason?: ProxyError): void {
    this.#source.cancel();
    this.#observer.ended(
      reason ?? new ProxyError("client_gone", "The client went away in the middle of the response"),
    );
  }
}
