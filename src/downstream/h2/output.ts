/**
 * What a connection of HTTP/2 sends: frames in order, then the bodies of its streams in turns, in as few writes as it takes.
 *
 * @module
 */
import {
  DEFAULT_WINDOW,
  FLAG,
  FRAME,
  FRAME_HEAD,
  MAX_31_BIT,
  MAX_FRAME,
  putFrameHead,
} from "../../http/http2_frames.ts";
import type { ProxyError } from "../../http/errors.ts";
import { giveBuffer, takeBuffer } from "../tcp/buffers.ts";

/** With less room than this in a buffer, what is in it is sent first. */
const LEAST = 1024;

/** A stream with a part of a body to be sent. */
export interface Sending {
  /** Its number. */
  readonly id: number;
  /** What the client takes of it yet, in bytes; below 0 when the client has changed its mind. */
  window: number;
  /** What is to be sent. */
  pending: Uint8Array | undefined;
  /** Whether the stream ends with it. */
  isLast: boolean;
  /** Whether it waits among those that can send. */
  isQueued: boolean;
  /** Told that some of it is on its way; `pending` is undefined when that was all. */
  moved(): void;
}

/** The writing side of a connection. */
export class Output {
  /** What the client takes yet on all streams, in bytes. */
  window = DEFAULT_WINDOW;
  /** Bytes of frames that wait to be written: for how many of them is the client to answer for. */
  waiting = 0;
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  readonly #frames: Uint8Array[] = [];
  /** Those with something to send and leave to send it. */
  readonly #ready: Sending[] = [];
  /** Called when what is in the buffer has been written. */
  #written: ((error?: ProxyError) => void)[] = [];
  #failure: ProxyError | undefined = undefined;
  #flushing: Promise<void> | undefined = undefined;

  /**
   * @param write Writes all of it.
   * @param failed Told when that failed.
   */
  constructor(write: (bytes: Uint8Array) => Promise<void>, failed: (error: unknown) => void) {
    this.#write = write;
    this.#failed = failed;
  }

  /** Sends frames other than of data. */
  send(frames: Uint8Array): void {
    this.#frames.push(frames);
    this.waiting += frames.length;
    this.#start();
  }

  /** Calls back when all that was moved until now has been written, or with why it will not be. */
  afterwards(callback: (error?: ProxyError) => void): void {
    if (this.#failure !== undefined) return callback(this.#failure);
    this.#written.push(callback);
    this.#start();
  }

  /** Sends what a stream has pending, as far as it may. */
  offer(stream: Sending): void {
    if (stream.isQueued || stream.pending === undefined || !mayMove(stream)) return;
    stream.isQueued = true;
    this.#ready.push(stream);
    this.#start();
  }

  /** The client takes more on all streams; whether that is within what may be. */
  widen(bytes: number): boolean {
    this.window += bytes;
    if (this.#ready.length > 0) this.#start();
    return this.window <= MAX_31_BIT;
  }

  /** Whether streams wait for the client to take more on all of them. */
  get isBlocked(): boolean {
    return this.window <= 0 && this.#ready.length > 0;
  }

  /** Resolves when nothing is left that can be sent now. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  /** Sends nothing any more. */
  close(error: ProxyError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#frames.length = this.#ready.length = 0;
    for (const callback of this.#written.splice(0)) callback(error);
  }

  #start(): void {
    if (this.#failure !== undefined) return;
    this.#flushing ??= this.#flush();
  }

  async #flush(): Promise<void> {
    // What comes up in the same turn goes out in the same write.
    await undefined;
    const buffer = takeBuffer();
    try {
      while (this.#failure === undefined) {
        const first = this.#frames[0];
        if (first !== undefined && first.length > buffer.length) {
          this.waiting -= this.#frames.shift()!.length;
          await this.#write(first);
          continue;
        }
        const end = this.#putData(buffer, this.#putFrames(buffer));
        const count = this.#written.length;
        if (end === 0 && count === 0) break;
        if (end > 0) await this.#write(buffer.subarray(0, end));
        // Those that were added meanwhile wait for the next write.
        for (const callback of this.#written.splice(0, count)) callback();
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#flushing = undefined;
      giveBuffer(buffer);
    }
  }

  #putFrames(buffer: Uint8Array): number {
    let at = 0;
    let count = 0;
    for (const frames of this.#frames) {
      if (at + frames.length > buffer.length) break;
      buffer.set(frames, at);
      at += frames.length;
      count++;
    }
    this.#frames.splice(0, count);
    this.waiting -= at;
    return at;
  }

  #putData(buffer: Uint8Array, from: number): number {
    let at = from;
    // Frames that did not fit come first: a head is to go ahead of its body.
    while (this.#ready.length > 0 && this.#frames.length === 0 && buffer.length - at >= LEAST) {
      const stream = this.#ready[0]!;
      const pending = stream.pending;
      if (pending !== undefined && pending.length > 0 && this.window <= 0) break;
      this.#ready.shift();
      stream.isQueued = false;
      if (pending === undefined || !mayMove(stream)) continue;
      const room = Math.min(MAX_FRAME, buffer.length - at - FRAME_HEAD);
      const n = pending.length === 0 ? 0 : Math.min(pending.length, room, stream.window, this.window);
      const isWhole = n === pending.length;
      at = putFrameHead(buffer, at, n, FRAME.DATA, isWhole && stream.isLast ? FLAG.END_STREAM : 0, stream.id);
      buffer.set(isWhole ? pending : pending.subarray(0, n), at);
      at += n;
      stream.window -= n;
      this.window -= n;
      stream.pending = isWhole ? undefined : pending.subarray(n);
      stream.moved();
      this.offer(stream);
    }
    return at;
  }
}

/** An empty frame, which ends a stream, needs no leave. */
function mayMove({ pending, window }: Sending): boolean {
  return window > 0 || pending?.length === 0;
}
