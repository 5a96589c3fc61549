/**
 * One connection to an upstream: a socket, the bytes read from it and not used yet, and its state.
 *
 * @module
 */
import type { Target } from "./peer.ts";

/**
 * What is read at a time before a body takes over. Not less: on loopback, where a segment is 64 KB, a smaller first read
 * keeps the window shut until a delayed acknowledgement 40 ms later.
 */
const BUFFER_SIZE = 32 * 1024;

/** A connection to an upstream. */
export class Connection {
  /** Whom it leads to, in the words of the peer that it is used for. */
  target: Target;
  /** Bytes read and not used yet lie from `start` to `end`. */
  buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_SIZE);
  /** Where unused bytes begin. */
  start = 0;
  /** Where unused bytes end. */
  end = 0;
  /** Requests that were sent before the present one. */
  served = 0;
  /** Whether any of the present request was written. */
  wrote = false;
  /** When it leaves the pool unused, on the watchdog's clock. */
  expiresAt = 0;
  /** Whether HTTP/2 is what it was opened for and agreed on. */
  readonly isHttp2: boolean;
  readonly #socket: Deno.Conn;
  #closed = false;
  #head = new Uint8Array(1024);
  #parkedRead: Promise<number | null> | null = null;
  #onParkedEvent: ((connection: Connection) => void) | null = null;
  /** Whether the upstream closed or spoke between its being taken from the pool and the request: no good any more. */
  stale = false;
  readonly #notice = () => {
    if (this.#onParkedEvent !== null) this.#onParkedEvent(this);
    else this.stale = true;
  };

  /** Takes the socket over. */
  constructor(target: Target, socket: Deno.Conn, isHttp2 = false) {
    this.target = target;
    this.isHttp2 = isHttp2;
    this.#socket = socket;
  }

  /** Whether it was closed from this side. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The socket's own address, for hooks. */
  get localAddr(): Deno.Addr {
    return this.#socket.localAddr;
  }

  /** Writes some of it; how much. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#socket.write(bytes);
  }

  /** Has the system find out, within some hours, that the upstream is gone without a word; not with TLS. */
  keepAlive(): void {
    if ("setKeepAlive" in this.#socket) (this.#socket as Deno.TcpConn).setKeepAlive();
  }

  /** Says that nothing more will be written. */
  closeWrite(): Promise<void> {
    return this.#socket.closeWrite();
  }

  /** Room of at least that size for a head on its way out; used again for the next one. */
  headRoom(size: number): Uint8Array<ArrayBuffer> {
    if (this.#head.length < size) this.#head = new Uint8Array(size);
    return this.#head;
  }

  /**
   * Reads more behind the unused bytes; the number read, or null when the upstream is done.
   * The caller adds it to `end`. The buffer grows up to `limit` bytes, and the caller sees to it that there is room.
   */
  fill(limit: number): Promise<number | null> {
    const parked = this.#parkedRead;
    if (parked !== null) {
      this.#parkedRead = null;
      return parked;
    }
    if (this.start === this.end) this.start = this.end = 0;
    if (this.end === this.buffer.length) this.#makeRoom(limit);
    return this.#socket.read(this.end === 0 ? this.buffer : this.buffer.subarray(this.end));
  }

  /** Reads straight into `into`; only when no unused bytes are left. */
  readInto(into: Uint8Array): Promise<number | null> {
    return this.#socket.read(into);
  }

  /**
   * Waits unused: a read is left standing, so that the upstream's closing (or talking unasked) is noticed at once.
   * That read becomes the first of the next response, and costs nothing.
   */
  park(onEvent: (connection: Connection) => void): void {
    this.start = this.end = 0;
    if (this.buffer.length > BUFFER_SIZE) this.buffer = new Uint8Array(BUFFER_SIZE);
    this.#onParkedEvent = onEvent;
    this.#parkedRead = this.#socket.read(this.buffer);
    this.#parkedRead.then(this.#notice, this.#notice);
  }

  /** Ends the waiting; the next {@linkcode Connection.fill} takes the standing read. */
  unpark(): void {
    this.#onParkedEvent = null;
    this.wrote = this.stale = false;
  }

  /** Closes the socket; a read or write under way rejects. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onParkedEvent = null;
    this.#socket.close();
  }

  #makeRoom(limit: number): void {
    const used = this.buffer.subarray(this.start, this.end);
    const grown = this.start > 0 ? this.buffer : new Uint8Array(Math.min(limit, this.buffer.length * 2));
    grown.set(used);
    this.buffer = grown;
    this.end = used.length;
    this.start = 0;
  }
}
