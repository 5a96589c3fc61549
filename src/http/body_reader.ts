/**
 * Reading the body of a message: of known length, chunked, or until the connection closes.
 *
 * @module
 */
import { type BodySource, concat } from "./body.ts";
import { ChunkedDecoder } from "./chunked_decoder.ts";
import { ProxyError } from "./errors.ts";
import type { HeaderList } from "./headers.ts";

/** How long a body is: -1 chunked, -2 until the connection closes, otherwise bytes. */
export type BodyLength = number;
/** {@linkcode BodyLength} of a chunked body. */
export const CHUNKED = -1;
/** {@linkcode BodyLength} of a body that ends with its connection. */
export const UNTIL_CLOSE = -2;

/** The largest piece read at a time. */
const PIECE = 64 * 1024;

/** From this many bytes on, the rest of a chunk is read straight into its piece. */
const DIRECT = 16 * 1024;

/** Bytes of a connection that were read and not used yet: they lie from `start` to `end`. */
export interface Unused {
  /** Where they are. */
  readonly buffer: Uint8Array;
  /** The first. */
  start: number;
  /** Behind the last. */
  readonly end: number;
}

/** The connection, as far as reading a body goes. */
export interface BodyReading {
  /** What was read and not used yet. */
  readonly connection: Unused;
  /** Called once when the next piece takes long enough for somebody to notice. */
  onSlow: (() => void) | null;
  /** Reads more behind the unused bytes; false when no more will come. */
  fillBody(): Promise<boolean>;
  /** Reads a piece into a buffer of the caller's, when there are no unused bytes; null when no more will come. */
  readInto(into: Uint8Array): Promise<number | null>;
  /** The body was read to its end. */
  end(): void;
  /** Gives the connection up. */
  abort(error: ProxyError): void;
  /** The error for a body that breaks off. */
  cut(): ProxyError;
  /** The error for a body that is malformed. */
  bad(what: string): ProxyError;
}

/** A body on its way in. */
export interface BodyReader extends BodySource {
  /** How many bytes it has, or undefined when only its end will tell. */
  readonly length: number | undefined;
  /**
   * All of the body, if it is here already, or comes at once and has at most `limit` bytes; null when it has to be
   * streamed. Passing one piece on is cheaper than a stream.
   */
  whole(limit: number): Uint8Array | Promise<Uint8Array | null> | null;
  readInto(into: Uint8Array): number | null | Promise<number | null>;
  readonly isReady: boolean;
}

/** The reader for a body of that length. */
export function bodyReader(reading: BodyReading, length: BodyLength): BodyReader {
  if (length === CHUNKED) return new ChunkedBody(reading);
  return length === UNTIL_CLOSE ? new UntilCloseBody(reading) : new LengthBody(reading, length);
}

/** Takes up to `limit` unused bytes of the connection's buffer. */
function takeBuffered({ connection }: BodyReading, limit: number): Uint8Array | null {
  const n = Math.min(limit, connection.end - connection.start);
  if (n === 0) return null;
  return connection.buffer.slice(connection.start, connection.start += n);
}

function hasUnused({ connection }: BodyReading): boolean {
  return connection.end > connection.start;
}

async function readPiece(reading: BodyReading, limit: number): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(Math.min(limit, PIECE));
  const n = await reading.readInto(buffer);
  return n === null ? null : buffer.subarray(0, n);
}

function unwanted(): ProxyError {
  return new ProxyError("client_gone", "The rest of the body is not wanted");
}

/** Gives the connection up, as its body broke off. */
function cut(reading: BodyReading): ProxyError {
  const error = reading.cut();
  reading.abort(error);
  return error;
}

/** Takes unused bytes, up to so many, into a buffer; how many. */
function take({ connection }: BodyReading, into: Uint8Array, limit: number): number {
  const n = Math.min(limit, into.length, connection.end - connection.start);
  if (n > 0) into.set(connection.buffer.subarray(connection.start, connection.start += n));
  return n;
}

class LengthBody implements BodyReader {
  readonly length: number;
  readonly #reading: BodyReading;
  #left: number;
  /** A body that is gathered first: there up to `#filled`, read up to `#taken`. */
  #gathered: Uint8Array | null = null;
  #filled = 0;
  #taken = 0;
  #failure: unknown;
  #wake = () => {};

  constructor(reading: BodyReading, length: number) {
    this.#reading = reading;
    this.length = length;
    this.#left = length;
  }

  get isReady(): boolean {
    if (this.#gathered !== null) return this.#filled > this.#taken;
    return this.#left === 0 || hasUnused(this.#reading);
  }

  whole(limit: number): Uint8Array | Promise<Uint8Array | null> | null {
    const { connection } = this.#reading;
    if (connection.end - connection.start < this.length) return this.length > limit ? null : this.#gather();
    const all = takeBuffered(this.#reading, this.length)!;
    this.#took(all.length);
    return all;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#gathered !== null) return await this.#readGathered(this.#gathered);
    if (this.#left === 0) return null;
    const piece = takeBuffered(this.#reading, this.#left) ?? await readPiece(this.#reading, this.#left);
    if (piece === null) throw cut(this.#reading);
    this.#took(piece.length);
    return piece;
  }

  readInto(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#gathered !== null) return this.#gatheredInto(this.#gathered, into);
    if (this.#left === 0) return null;
    const n = take(this.#reading, into, this.#left);
    if (n === 0) return this.#readInto(into);
    this.#took(n);
    return n;
  }

  cancel(): void {
    if (this.#left > 0) this.#reading.abort(unwanted());
  }

  async #readInto(into: Uint8Array): Promise<number> {
    const n = await this.#reading.readInto(this.#left < into.length ? into.subarray(0, this.#left) : into);
    if (n === null) throw cut(this.#reading);
    this.#took(n);
    return n;
  }

  #gather(): Promise<Uint8Array | null> {
    const { connection } = this.#reading;
    const all = this.#gathered = new Uint8Array(this.length);
    const first = connection.buffer.subarray(connection.start, connection.end);
    all.set(first);
    connection.start = connection.end;
    this.#filled = first.length;
    this.#left -= first.length;
    return new Promise((resolve, reject) => {
      this.#reading.onSlow = () => resolve(null);
      this.#fill(all).then(() => resolve(all), (error) => {
        this.#failure = error;
        this.#wake();
        reject(error);
      });
    });
  }

  async #fill(all: Uint8Array): Promise<void> {
    while (this.#left > 0) {
      const n = await this.#reading.readInto(all.subarray(this.#filled));
      if (n === null) throw cut(this.#reading);
      this.#filled += n;
      this.#took(n);
      this.#wake();
    }
  }

  async #gatheredInto(all: Uint8Array, into: Uint8Array): Promise<number | null> {
    const piece = await this.#readGathered(all, into.length);
    if (piece === null) return null;
    into.set(piece);
    return piece.length;
  }

  async #readGathered(all: Uint8Array, limit = Infinity): Promise<Uint8Array | null> {
    while (this.#taken === this.#filled) {
      if (this.#left === 0) return null;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const piece = all.subarray(this.#taken, Math.min(this.#filled, this.#taken + limit));
    this.#taken += piece.length;
    return piece;
  }

  #took(n: number): void {
    this.#left -= n;
    if (this.#left === 0) this.#reading.end();
  }
}

class ChunkedBody implements BodyReader {
  readonly length = undefined;
  readonly #reading: BodyReading;
  readonly #decoder: ChunkedDecoder;
  #first: Uint8Array | null = null;

  constructor(reading: BodyReading) {
    this.#reading = reading;
    this.#decoder = new ChunkedDecoder((what) => reading.bad(what));
  }

  get isReady(): boolean {
    return this.#first !== null || this.#decoder.ended || hasUnused(this.#reading);
  }

  get trailers(): HeaderList | undefined {
    return this.#decoder.trailers;
  }

  whole(): Uint8Array | null {
    const here = this.#decode();
    // Trailer fields have no place in an answer with a length.
    if (this.#decoder.ended && this.#decoder.trailers === undefined) return here ?? new Uint8Array();
    this.#first = here;
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#first !== null) {
      const first = this.#first;
      this.#first = null;
      return first;
    }
    while (!this.#decoder.ended) {
      const piece = this.#decode();
      if (piece !== null) return piece;
      if (this.#decoder.ended) return null;
      const { inChunk } = this.#decoder;
      if (inChunk >= DIRECT) {
        const direct = await readPiece(this.#reading, inChunk);
        if (direct === null) throw cut(this.#reading);
        this.#decoder.skip(direct.length);
        return direct;
      }
      if (!await this.#reading.fillBody()) throw cut(this.#reading);
    }
    return null;
  }

  readInto(into: Uint8Array): number | null | Promise<number | null> {
    const first = this.#first ?? this.#decode();
    if (first !== null) return this.#hand(first, into);
    return this.#decoder.ended ? null : this.#readInto(into);
  }

  cancel(): void {
    if (!this.#decoder.ended) this.#reading.abort(unwanted());
  }

  async #readInto(into: Uint8Array): Promise<number | null> {
    const { inChunk } = this.#decoder;
    if (inChunk >= DIRECT) {
      const n = await this.#reading.readInto(inChunk < into.length ? into.subarray(0, inChunk) : into);
      if (n === null) throw cut(this.#reading);
      this.#decoder.skip(n);
      return n;
    }
    if (!await this.#reading.fillBody()) throw cut(this.#reading);
    return await this.readInto(into);
  }

  /** Hands on what fits; the rest stays for the next read. */
  #hand(piece: Uint8Array, into: Uint8Array): number {
    const n = Math.min(piece.length, into.length);
    into.set(n < piece.length ? piece.subarray(0, n) : piece);
    this.#first = n < piece.length ? piece.subarray(n) : null;
    return n;
  }

  #decode(): Uint8Array | null {
    const { connection } = this.#reading;
    const pieces: Uint8Array[] = [];
    try {
      connection.start = this.#decoder.decode(connection.buffer, connection.start, connection.end, pieces);
    } catch (error) {
      this.#reading.abort(error as ProxyError);
      throw error;
    }
    // Copied before the end is told: the next read may fill the buffer at once.
    const piece = pieces.length === 0 ? null : pieces.length === 1 ? pieces[0]!.slice() : concat(pieces);
    if (this.#decoder.ended) this.#reading.end();
    return piece;
  }
}

class UntilCloseBody implements BodyReader {
  readonly length = undefined;
  readonly #reading: BodyReading;
  #ended = false;

  constructor(reading: BodyReading) {
    this.#reading = reading;
  }

  get isReady(): boolean {
    return this.#ended || hasUnused(this.#reading);
  }

  whole(): null {
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#ended) return null;
    const piece = takeBuffered(this.#reading, Infinity) ?? await readPiece(this.#reading, Infinity);
    if (piece === null) this.#finish();
    return piece;
  }

  readInto(into: Uint8Array): number | null | Promise<number | null> {
    if (this.#ended) return null;
    const n = take(this.#reading, into, Infinity);
    return n > 0 ? n : this.#readInto(into);
  }

  cancel(): void {
    this.#reading.abort(unwanted());
  }

  async #readInto(into: Uint8Array): Promise<number | null> {
    const n = await this.#reading.readInto(into);
    if (n === null) this.#finish();
    return n;
  }

  #finish(): void {
    this.#ended = true;
    this.#reading.abort(unwanted());
  }
}
