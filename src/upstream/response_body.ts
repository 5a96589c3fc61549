/**
 * Reading the body of a response: of known length, chunked, or until the connection closes.
 *
 * @module
 */
import { type BodySource, concat } from "../http/body.ts";
import { ProxyError } from "../http/errors.ts";
import { ChunkedDecoder } from "./chunked_decoder.ts";
import type { Connection } from "./connection.ts";
import { type BodyLength, CHUNKED, UNTIL_CLOSE } from "./response_head.ts";

/** The largest piece read at a time. */
const PIECE = 64 * 1024;
/** The longest body of known length that is gathered before it is passed on. */
const GATHERED = 256 * 1024;

/** From this many bytes on, the rest of a chunk is read straight into its piece. */
const DIRECT = 16 * 1024;

/** The part of an exchange that reading a body takes. */
export interface BodyReading {
  /** The connection. */
  readonly connection: Connection;
  /** Called once when the next piece takes long enough for a client to notice. */
  onSlow: (() => void) | null;
  /** Reads more behind the unused bytes; false when the upstream is done. */
  fillBody(): Promise<boolean>;
  /** Reads a piece into a buffer of the caller's; null when the upstream is done. */
  readInto(into: Uint8Array): Promise<number | null>;
  /** The response was read to its end. */
  end(): void;
  /** Gives the exchange up. */
  abort(error: ProxyError): void;
}

/** A response's body on its way in. */
export interface ResponseBody extends BodySource {
  /** How many bytes it has, or undefined when only its end will tell. */
  readonly length: number | undefined;
  /**
   * All of the body, if it is here already or comes at once; null when it has to be streamed.
   * Passing one piece on is cheaper than a stream.
   */
  whole(): Uint8Array | Promise<Uint8Array | null> | null;
}

/** The reader for a body of that length. */
export function responseBody(exchange: BodyReading, length: BodyLength): ResponseBody {
  if (length === CHUNKED) return new ChunkedBody(exchange);
  return length === UNTIL_CLOSE ? new UntilCloseBody(exchange) : new LengthBody(exchange, length);
}

/** Takes up to `limit` unused bytes of the connection's buffer. */
function takeBuffered({ connection }: BodyReading, limit: number): Uint8Array | null {
  const n = Math.min(limit, connection.end - connection.start);
  if (n === 0) return null;
  return connection.buffer.slice(connection.start, connection.start += n);
}

async function readPiece(exchange: BodyReading, limit: number): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(Math.min(limit, PIECE));
  const n = await exchange.readInto(buffer);
  return n === null ? null : buffer.subarray(0, n);
}

function unwanted(): ProxyError {
  return new ProxyError("client_gone", "The rest of the body is not wanted");
}

function cut(exchange: BodyReading): ProxyError {
  const error = new ProxyError(
    "upstream_closed",
    `${exchange.connection.target.label} closed the connection in the middle of the response's body`,
  );
  exchange.abort(error);
  return error;
}

class LengthBody implements ResponseBody {
  readonly length: number;
  readonly #exchange: BodyReading;
  #left: number;
  /** A body that is gathered first: there up to `#filled`, read up to `#taken`. */
  #gathered: Uint8Array | null = null;
  #filled = 0;
  #taken = 0;
  #failure: unknown;
  #wake = () => {};

  constructor(exchange: BodyReading, length: number) {
    this.#exchange = exchange;
    this.length = length;
    this.#left = length;
  }

  whole(): Uint8Array | Promise<Uint8Array | null> | null {
    if (this.length > GATHERED) return null;
    const { connection } = this.#exchange;
    if (connection.end - connection.start < this.length) return this.#gather();
    const all = takeBuffered(this.#exchange, this.length)!;
    this.#took(all.length);
    return all;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#gathered !== null) return await this.#readGathered(this.#gathered);
    if (this.#left === 0) return null;
    const piece = takeBuffered(this.#exchange, this.#left) ?? await readPiece(this.#exchange, this.#left);
    if (piece === null) throw cut(this.#exchange);
    this.#took(piece.length);
    return piece;
  }

  cancel(): void {
    if (this.#left > 0) this.#exchange.abort(unwanted());
  }

  #gather(): Promise<Uint8Array | null> {
    const { connection } = this.#exchange;
    const all = this.#gathered = new Uint8Array(this.length);
    const first = connection.buffer.subarray(connection.start, connection.end);
    all.set(first);
    connection.start = connection.end;
    this.#filled = first.length;
    this.#left -= first.length;
    return new Promise((resolve, reject) => {
      this.#exchange.onSlow = () => resolve(null);
      this.#fill(all).then(() => resolve(all), (error) => {
        this.#failure = error;
        this.#wake();
        reject(error);
      });
    });
  }

  async #fill(all: Uint8Array): Promise<void> {
    while (this.#left > 0) {
      const n = await this.#exchange.readInto(all.subarray(this.#filled));
      if (n === null) throw cut(this.#exchange);
      this.#filled += n;
      this.#took(n);
      this.#wake();
    }
  }

  async #readGathered(all: Uint8Array): Promise<Uint8Array | null> {
    while (this.#taken === this.#filled) {
      if (this.#left === 0) return null;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const piece = all.subarray(this.#taken, this.#filled);
    this.#taken = this.#filled;
    return piece;
  }

  #took(n: number): void {
    this.#left -= n;
    if (this.#left === 0) this.#exchange.end();
  }
}

class ChunkedBody implements ResponseBody {
  readonly length = undefined;
  readonly #exchange: BodyReading;
  readonly #decoder = new ChunkedDecoder();
  #first: Uint8Array | null = null;

  constructor(exchange: BodyReading) {
    this.#exchange = exchange;
  }

  whole(): Uint8Array | null {
    const here = this.#decode();
    if (this.#decoder.ended) return here ?? new Uint8Array();
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
        const direct = await readPiece(this.#exchange, inChunk);
        if (direct === null) throw cut(this.#exchange);
        this.#decoder.skip(direct.length);
        return direct;
      }
      if (!await this.#exchange.fillBody()) throw cut(this.#exchange);
    }
    return null;
  }

  cancel(): void {
    if (!this.#decoder.ended) this.#exchange.abort(unwanted());
  }

  #decode(): Uint8Array | null {
    const { connection } = this.#exchange;
    const pieces: Uint8Array[] = [];
    try {
      connection.start = this.#decoder.decode(connection.buffer, connection.start, connection.end, pieces);
    } catch (error) {
      this.#exchange.abort(error as ProxyError);
      throw error;
    }
    if (this.#decoder.ended) this.#exchange.end();
    if (pieces.length === 0) return null;
    return pieces.length === 1 ? pieces[0]!.slice() : concat(pieces);
  }
}

class UntilCloseBody implements ResponseBody {
  readonly length = undefined;
  readonly #exchange: BodyReading;
  #ended = false;

  constructor(exchange: BodyReading) {
    this.#exchange = exchange;
  }

  whole(): null {
    return null;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#ended) return null;
    const piece = takeBuffered(this.#exchange, Infinity) ?? await readPiece(this.#exchange, Infinity);
    if (piece !== null) return piece;
    this.#ended = true;
    this.#exchange.abort(unwanted());
    return null;
  }

  cancel(): void {
    this.#exchange.abort(unwanted());
  }
}
