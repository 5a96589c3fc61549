/**
 * Writing lines to a stream that may be slow, stuck or closed, without ever waiting for it.
 *
 * @module
 */

/** The part of `Deno.stdout` that is needed. */
export interface ByteSink {
  /** Writes some of the bytes; how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Settings of a {@linkcode LineWriter}. */
export interface LineWriterOptions {
  /** Characters held back at the most; lines beyond are dropped. @default {1_048_576} */
  limit?: number;
  /** Told how many lines were dropped since last time, at most every ten seconds. */
  onDropped?: (lines: number) => void;
}

/** Lines wait this long, in milliseconds, to be written together. */
const GATHER = 50;
const WRITE_AT_ONCE = 64 * 1024;
const TELL_EVERY = 10_000;

const encoder = new TextEncoder();

/** Gathers lines and writes them together in the background. */
export class LineWriter {
  /** Lines dropped since the start. */
  dropped = 0;
  readonly #sink: ByteSink;
  readonly #limit: number;
  readonly #onDropped: (lines: number) => void;
  #pending = "";
  #writing: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #broken = false;
  #told = 0;
  #toldAt = -Infinity;

  /** Writes to `sink`. */
  constructor(sink: ByteSink, options: LineWriterOptions = {}) {
    this.#sink = sink;
    this.#limit = options.limit ?? 1024 * 1024;
    this.#onDropped = options.onDropped ?? (() => {});
  }

  /** Takes a line, without its line end. Never waits. */
  write(line: string): void {
    if (this.#broken || this.#pending.length + line.length >= this.#limit) {
      this.dropped++;
      this.#tell();
      return;
    }
    this.#pending += `${line}\n`;
    if (this.#writing !== null) return;
    if (this.#pending.length >= WRITE_AT_ONCE) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), GATHER);
  }

  /** Resolves when everything taken so far was written, could not be, or `ms` milliseconds went by. */
  async flush(ms = 1_000): Promise<void> {
    if (this.#writing === null && this.#pending !== "") this.#start();
    if (this.#writing !== null) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([this.#writing, new Promise((resolve) => timer = setTimeout(resolve, ms))]);
      clearTimeout(timer);
    }
    this.#toldAt = -Infinity;
    this.#tell();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#drain().finally(() => this.#writing = null);
  }

  async #drain(): Promise<void> {
    while (this.#pending !== "") {
      const bytes = encoder.encode(this.#pending);
      this.#pending = "";
      try {
        for (let at = 0; at < bytes.length;) at += await this.#sink.write(bytes.subarray(at));
      } catch {
        // The reader is gone for good: what it would have got is lost.
        this.#broken = true;
        this.dropped += bytes.reduce((lines, byte) => lines + (byte === 10 ? 1 : 0), 0);
      }
      this.#tell();
    }
  }

  #tell(): void {
    const now = performance.now();
    if (this.dropped === this.#told || now - this.#toldAt < TELL_EVERY) return;
    this.#onDropped(this.dropped - this.#told);
    this.#told = this.dropped;
    this.#toldAt = now;
  }
}
