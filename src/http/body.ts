/**
 * Bodies as both sides of the proxy pass them on: one chunk at a time, pulled by whoever writes.
 *
 * @module
 */

import type { ProxyError } from "./errors.ts";
import type { HeaderList } from "./headers.ts";

/** A body that is read chunk by chunk; nothing is read ahead of the reader, which is the backpressure. */
export interface BodySource {
  /**
   * The next chunk (never empty, the caller's own from then on), or null after the last.
   *
   * @throws when the body was cut short or is malformed
   */
  read(): Promise<Uint8Array | null>;
  /**
   * As {@linkcode BodySource.read}, into the caller's buffer: how many bytes (never 0), or null after the last. A promise
   * only when they are waited for. Missing where the bytes come in pieces of their own.
   */
  readonly readInto?: ((into: Uint8Array) => number | null | Promise<number | null>) | undefined;
  /** Whether `readInto` has something without waiting, as far as that is known. */
  readonly isReady?: boolean | undefined;
  /** The trailer fields, if any; there when the last chunk was read. */
  readonly trailers?: HeaderList | undefined;
  /** Gives the rest up. Safe to call at any time, also twice. */
  cancel(reason?: ProxyError): void;
}

/** Any body: none, all of it at hand, or still to come. */
export type Body = null | Uint8Array | BodySource;

/** Reads a web stream as a {@linkcode BodySource}. */
export class StreamSource implements BodySource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  /** Locks the stream. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next non-empty chunk, or null. */
  async read(): Promise<Uint8Array | null> {
    while (true) {
      const { done, value } = await this.#reader.read();
      if (done) return null;
      if (value.length > 0) return value;
    }
  }

  /** Cancels the stream. */
  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }
}

/** The parts in one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
