/**
 * Reading the frames of an upstream: what each is made of, RFC 9113 sections 4 and 6, and header blocks in one piece.
 *
 * @module
 */
import { concat } from "../../http/body.ts";
import { type HeaderBlock, HpackDecoder, HpackError } from "../../http/hpack/decoder.ts";
import { CODE, FLAG, FRAME, FRAME_HEAD, MAX_31_BIT, MAX_FRAME, uint32 } from "../../http/http2_frames.ts";
import type { Connection } from "../connection.ts";
import { MAX_FIELDS, MAX_HEAD } from "../response_head.ts";

const LIMITS = { maxHead: MAX_HEAD, maxFields: MAX_FIELDS };

/** A breach of the protocol: the session cannot go on. */
export class Breach extends Error {
  /** The error code that the upstream is told. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Who acts on what came; `id` is a stream's number. What it throws ends the session. */
export interface FrameHandler {
  /** A piece of a body, in a buffer that is used again; it took `cost` bytes of the windows. */
  onData(id: number, data: Uint8Array, cost: number, isLast: boolean): void;
  /** A header block; it was told of beforehand. */
  onFields(id: number, block: HeaderBlock, isLast: boolean): void;
  /** A header block begins. */
  onHeaders(id: number): void;
  /** A stream was given up. */
  onReset(id: number, code: number): void;
  /** A setting. */
  onSetting(setting: number, value: number): void;
  /** All settings of a frame were told. */
  onSettings(): void;
  /** An answer is asked for. */
  onPing(payload: Uint8Array): void;
  /** No stream above `last` was acted on, nor will be. */
  onGoAway(last: number, code: number): void;
  /** More may be sent on a stream, or on all for 0. */
  onWindow(id: number, bytes: number): void;
}

/** Takes the bytes of a connection apart. */
export class FrameReader {
  readonly #connection: Connection;
  readonly #handler: FrameHandler;
  readonly #decoder = new HpackDecoder();
  #hasSettings = false;
  /** A header block whose frames have not all come. */
  #block: { id: number; isLast: boolean; parts: Uint8Array[]; size: number } | undefined = undefined;

  constructor(connection: Connection, handler: FrameHandler) {
    this.#connection = connection;
    this.#handler = handler;
  }

  /**
   * Takes the next frame, if all of it is here; whether it was.
   *
   * @throws {Breach} when the session cannot go on
   */
  take(): boolean {
    const { buffer, start, end } = this.#connection;
    if (end - start < FRAME_HEAD) return false;
    const length = buffer[start]! << 16 | buffer[start + 1]! << 8 | buffer[start + 2]!;
    const type = buffer[start + 3]!;
    const flags = buffer[start + 4]!;
    if (!this.#hasSettings && (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0)) {
      throw new Breach(CODE.PROTOCOL_ERROR, "it does not begin with SETTINGS");
    }
    if (length > MAX_FRAME) throw new Breach(CODE.FRAME_SIZE_ERROR, `a frame has ${length} bytes`);
    const from = start + FRAME_HEAD;
    if (end - from < length) return false;
    this.#connection.start = from + length;
    const id = uint32(buffer, start + 5) & MAX_31_BIT;
    this.#frame(type, flags, id, buffer.subarray(from, from + length));
    return true;
  }

  #frame(type: number, flags: number, id: number, payload: Uint8Array): void {
    if (this.#block !== undefined && (type !== FRAME.CONTINUATION || id !== this.#block.id)) {
      throw new Breach(CODE.PROTOCOL_ERROR, "a header block breaks off");
    }
    const handler = this.#handler;
    const isLast = (flags & FLAG.END_STREAM) !== 0;
    switch (type) {
      case FRAME.DATA:
        return handler.onData(id, unpadded(flags, payload), payload.length, isLast);
      case FRAME.HEADERS:
        handler.onHeaders(id);
        this.#block = { id, isLast, parts: [], size: 0 };
        return this.#addToBlock(flags, withoutPriority(flags, unpadded(flags, payload)));
      case FRAME.CONTINUATION:
        if (this.#block === undefined) {
          throw new Breach(CODE.PROTOCOL_ERROR, "a CONTINUATION continues nothing");
        }
        return this.#addToBlock(flags, payload);
      case FRAME.RST_STREAM:
        expectSize(payload, 4);
        return handler.onReset(id, uint32(payload, 0));
      case FRAME.SETTINGS:
        expectConnection(id);
        return this.#settings(flags, payload);
      case FRAME.PING:
        expectConnection(id);
        expectSize(payload, 8);
        return (flags & FLAG.ACK) === 0 ? handler.onPing(payload) : undefined;
      case FRAME.GOAWAY:
        expectConnection(id);
        if (payload.length < 8) throw new Breach(CODE.FRAME_SIZE_ERROR, "a GOAWAY is cut short");
        return handler.onGoAway(uint32(payload, 0) & MAX_31_BIT, uint32(payload, 4));
      case FRAME.WINDOW_UPDATE:
        expectSize(payload, 4);
        return handler.onWindow(id, uint32(payload, 0) & MAX_31_BIT);
      case FRAME.PRIORITY:
        return expectSize(payload, 5);
      case FRAME.PUSH_PROMISE:
        throw new Breach(CODE.PROTOCOL_ERROR, "it pushes, which was not allowed");
    }
  }

  #addToBlock(flags: number, part: Uint8Array): void {
    const block = this.#block!;
    const { id, isLast, parts } = block;
    block.size += part.length;
    if (block.size > MAX_HEAD) {
      throw new Breach(CODE.ENHANCE_YOUR_CALM, `a head is larger than ${MAX_HEAD} bytes`);
    }
    const isWhole = (flags & FLAG.END_HEADERS) !== 0;
    // Empty ones would never add up to anything.
    if (part.length === 0 && !isWhole) {
      throw new Breach(CODE.ENHANCE_YOUR_CALM, "a part of a header block is empty");
    }
    if (!isWhole || parts.length > 0) parts.push(part.slice());
    if (!isWhole) return;
    this.#block = undefined;
    this.#handler.onFields(id, this.#decode(parts.length > 0 ? concat(parts) : part), isLast);
  }

  #decode(bytes: Uint8Array): HeaderBlock {
    try {
      return this.#decoder.decode(bytes, LIMITS);
    } catch (error) {
      if (error instanceof HpackError) throw new Breach(CODE.COMPRESSION_ERROR, error.message);
      throw error;
    }
  }

  #settings(flags: number, payload: Uint8Array): void {
    if ((flags & FLAG.ACK) !== 0) return expectSize(payload, 0);
    if (payload.length % 6 !== 0) throw new Breach(CODE.FRAME_SIZE_ERROR, "SETTINGS are cut short");
    for (let at = 0; at < payload.length; at += 6) {
      this.#handler.onSetting(payload[at]! << 8 | payload[at + 1]!, uint32(payload, at + 2));
    }
    this.#hasSettings = true;
    this.#handler.onSettings();
  }
}

function expectSize(payload: Uint8Array, size: number): void {
  if (payload.length !== size) throw new Breach(CODE.FRAME_SIZE_ERROR, "a frame has a wrong size");
}

function expectConnection(id: number): void {
  if (id !== 0) throw new Breach(CODE.PROTOCOL_ERROR, "a frame of the whole connection is on a stream");
}

function unpadded(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & FLAG.PADDED) === 0) return payload;
  const end = payload.length - (payload[0] ?? 0);
  if (end < 1) throw new Breach(CODE.PROTOCOL_ERROR, "a frame is all padding and more");
  return payload.subarray(1, end);
}

function withoutPriority(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & FLAG.PRIORITY) === 0) return payload;
  if (payload.length < 5) throw new Breach(CODE.FRAME_SIZE_ERROR, "HEADERS are cut short");
  return payload.subarray(5);
}
