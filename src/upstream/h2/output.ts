/**
 * What a session sends: frames in order, then the bodies of its streams in turns, in as few writes as it takes.
 *
 * @module
 */
import { DEFAULT_WINDOW, FLAG, FRAME, FRAME_HEAD, MAX_FRAME, putFrameHead } from "../../http/http2_frames.ts";

/** What is written at a time, in bytes. */
const BUFFER_SIZE = 32 * 1024;
/** With less room than this, what is in the buffer is sent first. */
const LEAST = 1024;

/** A stream with a piece of a body to send. */
export interface Sender {
  /** Its number. */
  readonly id: number;
  /** What the upstream takes of it yet, in bytes; below 0 when it has changed its mind. */
  window: number;
  /** What is to be sent. */
  pending: Uint8Array | undefined;
  /** Whether the stream ends with it. */
  isLast: boolean;
  /** Whether it waits for its turn. */
  isQueued: boolean;
  /** Told that all of it is on its way. */
  moved(): void;
}

/** The writing side of a session. */
export class Output {
  /** What the upstream takes yet on all streams together, in bytes. */
  window = DEFAULT_WINDOW;
  /** Bytes of frames that wait to be written. */
  waiting = 0;
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  readonly #failed: (error: unknown) => void;
  readonly #frames: Uint8Array[] = [];
  readonly #ready: Sender[] = [];
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  #isFlushing = false;
  #isClosed = false;

  /**
   * @param write Writes some of it; how much.
   * @param failed Told when that failed.
   */
  constructor(write: (bytes: Uint8Array) => Promise<number>, failed: (error: unknown) => void) {
    this.#write = write;
    this.#failed = failed;
  }

  /** Sends frames other than of data. */
  send(frames: Uint8Array): void {
    this.#frames.push(frames);
    this.waiting += frames.length;
    this.#start();
  }

  /** Sends what a stream has pending, as far as it may. */
  offer(sender: Sender): void {
    if (sender.isQueued || !mayMove(sender)) return;
    sender.isQueued = true;
    this.#ready.push(sender);
    this.#start();
  }

  /** The upstream takes so many bytes more on all streams. */
  widen(bytes: number): void {
    this.window += bytes;
    if (this.#ready.length > 0) this.#start();
  }

  /** Sends nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#frames.length = this.#ready.length = 0;
  }

  #start(): void {
    if (this.#isFlushing || this.#isClosed) return;
    this.#isFlushing = true;
    // What comes up in the same turn goes out in the same write.
    queueMicrotask(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    try {
      for (let end; !this.#isClosed && (end = this.#putData(this.#putFrames())) > 0;) {
        for (let at = 0; at < end;) at += await this.#write(this.#buffer.subarray(at, end));
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#isFlushing = false;
    }
  }

  #putFrames(): number {
    let at = 0;
    let count = 0;
    for (const frames of this.#frames) {
      const room = BUFFER_SIZE - at;
      if (frames.length > room) {
        // Heads larger than the buffer go out in parts.
        this.#buffer.set(frames.subarray(0, room), at);
        this.#frames[count] = frames.subarray(room);
        at = BUFFER_SIZE;
        break;
      }
      this.#buffer.set(frames, at);
      at += frames.length;
      count++;
    }
    this.#frames.splice(0, count);
    this.waiting -= at;
    return at;
  }

  #putData(from: number): number {
    let at = from;
    // Frames that did not fit come first: a head goes ahead of its body.
    while (this.#ready.length > 0 && this.#frames.length === 0 && BUFFER_SIZE - at >= LEAST) {
      const sender = this.#ready[0]!;
      const { pending } = sender;
      if (pending !== undefined && pending.length > 0 && this.window <= 0) break;
      this.#ready.shift();
      sender.isQueued = false;
      if (pending === undefined || !mayMove(sender)) continue;
      const room = Math.min(MAX_FRAME, BUFFER_SIZE - at - FRAME_HEAD);
      const n = pending.length === 0 ? 0 : Math.min(pending.length, room, sender.window, this.window);
      const isAll = n === pending.length;
      at = putFrameHead(
        this.#buffer,
        at,
        n,
        FRAME.DATA,
        isAll && sender.isLast ? FLAG.END_STREAM : 0,
        sender.id,
      );
      this.#buffer.set(isAll ? pending : pending.subarray(0, n), at);
      at += n;
      sender.window -= n;
      this.window -= n;
      sender.pending = isAll ? undefined : pending.subarray(n);
      if (isAll) sender.moved();
      else this.offer(sender);
    }
    return at;
  }
}

/** Only an empty frame, which ends a stream, needs no leave. */
function mayMove({ pending, window }: Sender): boolean {
  return pending !== undefined && (window > 0 || pending.length === 0);
}
