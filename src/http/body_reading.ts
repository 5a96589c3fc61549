/**
 * What readers of bodies have in common: the connection that they read from, and the ways to take bytes of it.
 *
 * @module
 */
import type { BodySource } from "./body.ts";
import { ProxyError } from "./errors.ts";

/** How long a body is: -1 chunked, -2 until the connection closes, otherwise bytes. */
export type BodyLength = number;
/** {@linkcode BodyLength} of a chunked body. */
export const CHUNKED = -1;
/** {@linkcode BodyLength} of a body that ends with its connection. */
export const UNTIL_CLOSE = -2;

/** The largest piece read at a time. */
const PIECE = 64 * 1024;

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

/** Takes up to `limit` unused bytes of the connection's buffer. */
export function takeBuffered({ connection }: BodyReading, limit: number): Uint8Array | null {
  const n = Math.min(limit, connection.end - connection.start);
  if (n === 0) return null;
  return connection.buffer.slice(connection.start, connection.start += n);
}

/** Whether there are unused bytes. */
export function hasUnused({ connection }: BodyReading): boolean {
  return connection.end > connection.start;
}

/** Reads a piece of up to so many bytes; null when no more will come. */
export async function readPiece(reading: BodyReading, limit: number): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(Math.min(limit, PIECE));
  const n = await reading.readInto(buffer);
  return n === null ? null : buffer.subarray(0, n);
}

/** The error for a body that is given up. */
export function unwanted(): ProxyError {
  return new ProxyError("client_gone", "The rest of the body is not wanted");
}

/** Gives the connection up, as its body broke off. */
export function cut(reading: BodyReading): ProxyError {
  const error = reading.cut();
  reading.abort(error);
  return error;
}

/** Takes unused bytes, up to so many, into a buffer; how many. */
export function take({ connection }: BodyReading, into: Uint8Array, limit: number): number {
  const n = Math.min(limit, into.length, connection.end - connection.start);
  if (n > 0) into.set(connection.buffer.subarray(connection.start, connection.start += n));
  return n;
}
