/**
 * TLS over a connection that was accepted, as its server.
 *
 * `node:tls` does it, over a stream of our own: a `Deno.TlsConn` cannot be closed while its client does not shake
 * hands, delays small writes, and takes neither another certificate nor a PROXY protocol header ahead of TLS. A
 * listener of `node:net` would be cheaper by a third, but it stops accepting for good, and says nothing, once the
 * process is out of descriptors, and its connections are read into memory whether they are asked for more or not.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Socket as NetSocket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Certificates } from "./certificates.ts";

/** What a connection of a client has to be able to do. */
export type Socket = Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close" | "remoteAddr" | "localAddr">;

/** What is read at a time while little comes. */
const SMALL = 4 * 1024;
/** What is read at a time while much comes. */
const LARGE = 64 * 1024;
/** What is written at a time: the time limit of a write is for so much. `node:tls` hands it on in one piece. */
const PIECE = 48 * 1024;

type Done = (error?: Error | null) => void;

/** The TLS side of a connection. There is at most one read and one write at a time. */
export class TlsSocket implements Socket {
  readonly #conn: Socket;
  readonly #wire: Wire;
  readonly #tls: TLSSocket;
  /** What was decrypted and not read yet. */
  readonly #chunks: Uint8Array[] = [];
  #into: Uint8Array | undefined = undefined;
  #reading: PromiseWithResolvers<number | null> | undefined = undefined;
  readonly #handshake = Promise.withResolvers<void>();
  #isShaken = false;
  #closingWrite: Promise<void> | undefined = undefined;
  #isOver = false;
  #failure: Error | undefined = undefined;

  /**
   * Starts the handshake.
   *
   * @param begun What the client has sent already. It is kept.
   */
  constructor(conn: Socket, begun: Uint8Array, certificates: Certificates) {
    this.#conn = conn;
    this.#handshake.promise.catch(() => {});
    this.#wire = new Wire(conn, begun);
    this.#wire.on("error", this.#fail);
    this.#wire.on("end", () => {
      // Without this, a handshake that breaks off goes unnoticed.
      if (!this.#isShaken) this.#fail(new Deno.errors.UnexpectedEof("No whole handshake"));
    });
    // Any Duplex will do, says the documentation; the type asks for more.
    this.#tls = new TLSSocket(this.#wire as unknown as NetSocket, certificates.options);
    this.#tls.on("error", this.#fail);
    this.#tls.on("close", () => this.#fail(new Deno.errors.BadResource("The connection was closed")));
    this.#tls.on("secure", () => {
      this.#isShaken = true;
      this.#handshake.resolve();
    });
    this.#tls.on("data", this.#onData);
    this.#tls.on("end", () => {
      this.#isOver = true;
      this.#settleRead(null);
    });
  }

  get remoteAddr(): Deno.Addr {
    return this.#conn.remoteAddr;
  }

  get localAddr(): Deno.Addr {
    return this.#conn.localAddr;
  }

  /** Waits for the end of the handshake; what was chosen by ALPN, if anything. */
  async handshake(): Promise<string | undefined> {
    await this.#handshake.promise;
    return this.#tls.alpnProtocol || undefined;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#chunks.length > 0) return Promise.resolve(this.#take(into));
    if (this.#isOver) return Promise.resolve(null);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#into = into;
    this.#reading = Promise.withResolvers();
    return this.#reading.promise;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const piece = bytes.length > PIECE ? bytes.subarray(0, PIECE) : bytes;
    return new Promise((resolve, reject) => {
      this.#tls.write(piece, (error) => {
        if (error) reject(error);
        else resolve(piece.length);
      });
    });
  }

  /** Says that nothing more will be written, to TLS and to TCP. */
  closeWrite(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#closingWrite ??= new Promise((resolve) => {
      this.#tls.end(() => this.#wire.end(resolve));
    });
  }

  /** Closes the connection, whatever is under way. */
  close(): void {
    this.#fail(new Deno.errors.Interrupted("The connection was closed"));
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#chunks.push(chunk);
    if (this.#into !== undefined) this.#settleRead(this.#take(this.#into));
    else this.#wire.hold();
  };

  #take(into: Uint8Array): number {
    const chunk = this.#chunks[0]!;
    const n = Math.min(chunk.length, into.length);
    if (n < chunk.length) {
      into.set(chunk.subarray(0, n));
      this.#chunks[0] = chunk.subarray(n);
      this.#wire.hold();
    } else {
      into.set(chunk);
      this.#chunks.shift();
      if (this.#chunks.length === 0) this.#wire.release();
    }
    return n;
  }

  #settleRead(result: number | null): void {
    const reading = this.#reading;
    this.#into = this.#reading = undefined;
    reading?.resolve(result);
  }

  /** The first failure ends everything: the connection is closed here and nowhere else. */
  readonly #fail = (error: Error): void => {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#wire.destroy();
    this.#tls.destroy();
    this.#handshake.reject(error);
    this.#reading?.reject(error);
    this.#into = this.#reading = undefined;
  };
}

/**
 * The connection as the stream that `node:tls` wants. It is read only while what was decrypted is taken: `node:tls`
 * itself would take in all that a client sends.
 */
class Wire extends Duplex {
  readonly #conn: Socket;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(SMALL);
  #isReading = false;
  #isWanted = false;
  #isHeld = false;

  constructor(conn: Socket, begun: Uint8Array) {
    super();
    this.#conn = conn;
    if (begun.length > 0) this.push(Buffer.from(begun));
  }

  /** Reads no more. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Reads again. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.#isWanted) this._read();
  }

  override _read(): void {
    this.#isWanted = true;
    if (this.#isReading || this.#isHeld || this.destroyed) return;
    this.#isWanted = false;
    this.#isReading = true;
    this.#conn.read(this.#buffer).then(this.#onRead, this.#onError);
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#conn.write(chunk).then((n) => {
      if (n < chunk.length) this._write(chunk.subarray(n), _encoding, done);
      else done();
    }, done);
  }

  override _final(done: Done): void {
    this.#conn.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#conn.close();
    done(error);
  }

  readonly #onRead = (n: number | null): void => {
    this.#isReading = false;
    if (this.destroyed) return;
    if (n === null) {
      this.push(null);
      return;
    }
    const buffer = this.#buffer;
    if (n === buffer.length) {
      this.#buffer = new Uint8Array(LARGE);
      this.push(Buffer.from(buffer.buffer));
    } else if (n > SMALL) {
      this.#buffer = new Uint8Array(LARGE);
      this.push(Buffer.from(buffer.buffer, 0, n));
    } else {
      // Idle connections are many and hold no more than this.
      if (buffer.length > SMALL) this.#buffer = new Uint8Array(SMALL);
      this.push(
        buffer.length > SMALL ? Buffer.from(buffer.buffer, 0, n) : Buffer.from(buffer.subarray(0, n)),
      );
    }
  };

  readonly #onError = (error: Error): void => {
    this.#isReading = false;
    this.destroy(error);
  };
}
