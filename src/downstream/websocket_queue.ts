/**
 * Frames on their way to an upstream that takes them when it likes.
 *
 * @module
 */
import { concat } from "../http/body.ts";

/** What a frame takes beside its bytes: without this, a client could have any number of empty ones held. */
const FRAME = 256;
/** What is written at a time, in bytes: small frames go together, and large ones show how they get on. */
const PIECE = 64 * 1024;

/** Writes frames in order. */
export class WebSocketQueue {
  /** What the frames not yet written take, in bytes. */
  held = 0;
  /** Frames added so far. */
  added = 0;
  /** Frames written so far. */
  written = 0;
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #onTaken: () => void;
  readonly #onError: (error: unknown) => void;
  #waiting: Uint8Array[] = [];
  #writing: Promise<void> | undefined;

  /**
   * Writes by a function.
   *
   * @param onTaken Told of every piece that was written.
   * @param onError Told when a piece could not be; no more follows.
   */
  constructor(
    write: (bytes: Uint8Array) => Promise<void>,
    onTaken: () => void,
    onError: (error: unknown) => void,
  ) {
    this.#write = write;
    this.#onTaken = onTaken;
    this.#onError = onError;
  }

  /** What a frame of so many bytes takes while it is held. */
  static cost(length: number): number {
    return length + FRAME;
  }

  /** Adds a frame. */
  add(frame: Uint8Array): void {
    this.added++;
    this.held += WebSocketQueue.cost(frame.length);
    this.#waiting.push(frame);
    this.#writing ??= this.#writeAll().catch(this.#onError);
  }

  /** Resolves when all that was added is written, or failed to be. */
  flushed(): Promise<void> {
    return this.#writing ?? Promise.resolve();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const frames = this.#waiting;
      this.#waiting = [];
      for (let from = 0; from < frames.length;) {
        let length = frames[from]!.length;
        let to = from + 1;
        while (to < frames.length && length + frames[to]!.length <= PIECE) length += frames[to++]!.length;
        const bytes = to === from + 1 ? frames[from]! : concat(frames.slice(from, to));
        for (let at = 0; at < length; at += PIECE) {
          await this.#write(bytes.subarray(at, at + PIECE));
          if (at + PIECE >= length) this.written += to - from;
          this.#onTaken();
        }
        this.held -= length + (to - from) * FRAME;
        from = to;
      }
    }
    this.#writing = undefined;
  }
}
