/**
 * The bytes of a client's connection: read ahead into a small buffer, written in full, with deadlines for both.
 *
 * @module
 */
import type { Unused } from "../../http/body_reading.ts";
import { ProxyError } from "../../http/errors.ts";
import { moving } from "../../http/turns.ts";
import type { Watchdog, Watched } from "../../http/watchdog.ts";
import type { Certificates } from "./certificates.ts";
import type { TcpLimits } from "./limits.ts";
import { Rate } from "./rate.ts";
import { type Socket, TlsSocket } from "./tls_socket.ts";

/** What is read at a time while nothing larger is known to come: most heads fit, and idle connections hold no more. */
const SMALL = 4 * 1024;
/** The buffer while a body comes in. */
const LARGE = 32 * 1024;

/** A socket that knows what it read and has not used yet. */
export abstract class ClientSocket implements Unused, Watched {
  /** Bytes read and not used yet lie from `start` to `end`. */
  buffer: Uint8Array<ArrayBuffer> = new Uint8Array(SMALL);
  start = 0;
  end = 0;
  slot = -1;
  /** Whether a deadline has passed. */
  isLate = false;
  /** Called in place of closing it when its time is over. */
  onLate: (() => void) | undefined = undefined;
  /** Whether reading failed, rather than came to its end. */
  isBroken = false;
  /** Whether it was closed from this side. */
  closed = false;
  /** Whether no more comes from the client. */
  protected isOver = false;
  /** The connection, or TLS over it. */
  protected socket: Socket;
  protected readonly limits: TcpLimits;
  readonly #watchdog: Watchdog;
  readonly #writeRate = new Rate();
  #deadline = Infinity;
  #closesWhenLate = true;
  #writeBy = Infinity;
  #reading = false;
  #wake: (() => void) | undefined = undefined;

  /** Takes the socket over. */
  constructor(socket: Socket, limits: TcpLimits, watchdog: Watchdog) {
    this.socket = socket;
    this.limits = limits;
    this.#watchdog = watchdog;
    watchdog.add(this);
  }

  /** Told when no more comes from the client. */
  protected abstract hungUp(): void;
  /** Told when the client is too slow to be kept. */
  protected abstract tooSlow(error: ProxyError): void;
  /** Whether a body comes in, which is worth a large buffer. */
  protected abstract get isUploading(): boolean;

  /** Bytes a second that are expected of the client. */
  get minRate(): number {
    return this.limits.minRate;
  }

  /** The watchdog's clock. */
  get now(): number {
    return this.#watchdog.now;
  }

  /** Closes it after so many milliseconds, unless that is put off or called off. */
  closeAfter(ms: number): void {
    this.#deadline = this.now + ms;
    this.#closesWhenLate = true;
  }

  /** After so many milliseconds, it is late, and whoever waits for more is woken. */
  protected lateAfter(ms: number): void {
    this.#deadline = this.now + ms;
    this.#closesWhenLate = false;
  }

  tick(now: number): void {
    if (now >= this.#deadline) {
      this.isLate = true;
      if (this.#closesWhenLate) return this.onLate === undefined ? this.close() : this.onLate();
      this.#deadline = Infinity;
      return this.#notify();
    }
    if (now < this.#writeBy && !this.#writeRate.isBelow(this.limits.minRate, now)) return;
    this.tooSlow(new ProxyError("client_timeout", "The client took the response too slowly"));
    this.close();
  }

  stop(): void {
    this.close();
  }

  /** Closes it, whatever is under way. */
  close(): void {
    if (this.closed) return;
    this.closed = this.isOver = true;
    this.#watchdog.delete(this);
    this.socket.close();
    this.#notify();
  }

  /**
   * Goes on with TLS, which what was read and not used is the beginning of. Resolves with what was chosen by ALPN, rejects
   * when the client does not agree.
   */
  protected startTls(certificates: Certificates): Promise<string | undefined> {
    const tls = new TlsSocket(this.socket, this.buffer.subarray(this.start, this.end), certificates);
    this.socket = tls;
    this.start = this.end = 0;
    return tls.handshake();
  }

  /** Reads more behind the unused bytes; false when no more will come. */
  async fillBody(): Promise<boolean> {
    if (!this.#reading && this.buffer.length < LARGE) this.#resize(LARGE);
    const before = this.end - this.start;
    await this.more();
    return this.end - this.start > before;
  }

  /** Reads into a buffer of the caller's; null when no more will come. */
  async readInto(into: Uint8Array): Promise<number | null> {
    if (this.#reading && this.start === this.end) await this.more();
    const n = Math.min(into.length, this.end - this.start);
    if (n > 0) {
      into.set(this.buffer.subarray(this.start, this.start + n));
      this.start += n;
      return n;
    }
    if (this.isOver) return null;
    this.#reading = true;
    try {
      const read = await this.socket.read(into);
      this.#reading = false;
      if (read !== null) {
        const pause = moving(read);
        if (pause !== undefined) await pause;
        return read;
      }
    } catch {
      this.#reading = false;
      this.isBroken = true;
    }
    this.#hangUp();
    return null;
  }

  /** What was written until now says nothing of how fast the client takes the next answer. */
  protected restartWriteRate(): void {
    this.#writeRate.restart(this.now);
  }

  /** Writes all of it. */
  async write(bytes: Uint8Array): Promise<void> {
    let written = 0;
    do {
      this.#writeBy = this.now + this.limits.writeTimeout;
      this.#writeRate.begin(this.now);
      const n = await this.socket.write(written === 0 ? bytes : bytes.subarray(written));
      this.#writeRate.end(this.now, n, this.limits.minRate);
      written += n;
    } while (written < bytes.length);
    this.#writeBy = Infinity;
    const pause = moving(bytes.length);
    if (pause !== undefined) await pause;
  }

  /** Says that nothing more will be written. */
  closeWrite(): Promise<void> {
    return this.socket.closeWrite();
  }

  /** Waits until there are more bytes, no more will come, or it is late. */
  more(): Promise<void> {
    if (this.isOver) return Promise.resolve();
    if (!this.#reading) this.#read();
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Leaves a read standing, so that the client's leaving is noticed. What else it brings waits in the buffer. */
  watch(): void {
    if (!this.#reading && !this.isOver && (this.start === this.end || this.end < this.buffer.length)) {
      this.#read();
    }
  }

  /** Makes sure that there is room for more of a message of up to `limit` bytes that has to lie in one piece. */
  protected makeRoom(limit: number): void {
    if (this.#reading || this.end < this.buffer.length) return;
    const isMostlyFree = this.start > this.end / 2;
    this.#resize(isMostlyFree ? this.buffer.length : Math.min(limit, this.buffer.length * 4));
  }

  #read(): void {
    if (this.start === this.end) {
      this.start = this.end = 0;
      if (this.buffer.length > SMALL && !this.isUploading) this.buffer = new Uint8Array(SMALL);
    } else if (this.end === this.buffer.length) {
      this.#resize(this.buffer.length);
    }
    this.#reading = true;
    const into = this.end === 0 ? this.buffer : this.buffer.subarray(this.end);
    this.socket.read(into).then(this.#onRead, this.#onEnd);
  }

  readonly #onRead = (n: number | null): void => {
    if (n === null) return this.#onEnd();
    this.#reading = false;
    this.end += n;
    if (this.#wake === undefined) this.watch();
    else this.#notify();
  };

  readonly #onEnd = (error?: unknown): void => {
    this.#reading = false;
    this.isBroken = error !== undefined;
    this.#hangUp();
    this.#notify();
  };

  #hangUp(): void {
    this.isOver = true;
    this.hungUp();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Moves the unused bytes to the front of a buffer of at least that size; not while a read is under way. */
  #resize(size: number): void {
    const used = this.buffer.subarray(this.start, this.end);
    const buffer = size > this.buffer.length ? new Uint8Array(size) : this.buffer;
    buffer.set(used);
    this.buffer = buffer;
    this.start = 0;
    this.end = used.length;
  }
}
