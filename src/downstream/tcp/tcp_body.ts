/**
 * The body of a request that the own HTTP/1.1 server reads.
 *
 * @module
 */
import { bodyReader } from "../../http/body_reader.ts";
import { type BodyReader, type BodyReading, CHUNKED } from "../../http/body_reading.ts";
import { ProxyError } from "../../http/errors.ts";
import type { HeaderList } from "../../http/headers.ts";
import type { FrontBody } from "../front.ts";
import { refused } from "../refused.ts";
import type { ClientSocket } from "./client_socket.ts";
import { Rate } from "./rate.ts";

/** A body on its way in. Whoever gives it up leaves the rest to {@linkcode TcpBody.discard}. */
export class TcpBody implements FrontBody, BodyReading {
  readonly connection: ClientSocket;
  onSlow: (() => void) | null = null;
  /** Whether its last byte was read. */
  ended = false;
  /** How fast it comes. */
  readonly rate: Rate = new Rate();
  readonly #length: number | undefined;
  readonly #reader: BodyReader;
  #failed = false;
  #received = 0;
  #pending: Promise<Uint8Array | null> | undefined = undefined;
  #cancelled = false;

  /** @param length In bytes, undefined for a chunked one. */
  constructor(connection: ClientSocket, length: number | undefined) {
    this.connection = connection;
    this.#length = length;
    this.#reader = bodyReader(this, length ?? CHUNKED);
  }

  /** How many bytes are still to come, Infinity when nobody knows. */
  get remaining(): number {
    if (this.ended) return 0;
    return this.#length === undefined || this.#failed ? Infinity : this.#length - this.#received;
  }

  /** Whether any of it was read. */
  get hasBegun(): boolean {
    return this.#received > 0;
  }

  get trailers(): HeaderList | undefined {
    return this.#reader.trailers;
  }

  read(): Promise<Uint8Array | null> {
    // Not the end: a body that was given up is not one that is complete.
    if (this.#cancelled) {
      return Promise.reject(new ProxyError("client_gone", "The rest of the body is not wanted"));
    }
    return this.#pending = this.#read();
  }

  async whole(): Promise<Uint8Array | null> {
    const first = await this.read();
    if (first === null || this.ended) return first;
    const all = new Uint8Array(this.#length!);
    all.set(first);
    let at = first.length;
    for (let piece; (piece = await this.read()) !== null; at += piece.length) {
      all.set(piece, at);
    }
    return all;
  }

  cancel(): void {
    this.#cancelled = true;
  }

  /** Resolves when no read is under way any more. */
  async settled(): Promise<void> {
    this.#cancelled = true;
    await this.#pending?.catch(() => {});
  }

  /** Reads the rest and throws it away; whether that was at most so many bytes. */
  async discard(limit: number): Promise<boolean> {
    await this.settled();
    try {
      const before = this.#received;
      while (await this.#read() !== null) if (this.#received - before > limit) return false;
      return true;
    } catch {
      return false;
    }
  }

  async fillBody(): Promise<boolean> {
    const { connection } = this;
    this.rate.begin(connection.now);
    const before = connection.end - connection.start;
    const more = await connection.fillBody();
    this.rate.end(connection.now, connection.end - connection.start - before, connection.minRate);
    return more;
  }

  async readInto(into: Uint8Array): Promise<number | null> {
    const { connection } = this;
    this.rate.begin(connection.now);
    const n = await connection.readInto(into);
    this.rate.end(connection.now, n ?? 0, connection.minRate);
    return n;
  }

  end(): void {
    this.ended = true;
    // Whatever comes now is the next request, or the client's leaving.
    this.connection.watch();
  }

  abort(): void {
    this.#failed = true;
  }

  cut(): ProxyError {
    return new ProxyError("client_gone", "The client went away in the middle of its request's body");
  }

  bad(what: string): ProxyError {
    return refused(what);
  }

  async #read(): Promise<Uint8Array | null> {
    const piece = await this.#reader.read();
    this.#received += piece?.length ?? 0;
    return piece;
  }
}
