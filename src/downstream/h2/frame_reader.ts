/**
 * Reading the frames of a client: what each is made of, RFC 9113 sections 4 and 6, and header blocks in one piece.
 *
 * @module
 */
import { concat } from "../../http/body.ts";
import { byteString } from "../../http/bytes.ts";
import { type BlockLimits, type HeaderBlock, HpackDecoder, HpackError } from "../../http/hpack/decoder.ts";
import {
  CODE,
  FLAG,
  FRAME,
  FRAME_HEAD,
  MAX_31_BIT,
  MAX_FRAME,
  PREFACE,
  SETTING,
  uint32,
} from "../../http/http2_frames.ts";
import type { ClientSocket } from "../tcp/client_socket.ts";
import { broken, H2Error } from "./h2_error.ts";

/** Who acts on what came. What it throws ends the connection. */
export interface FrameHandler {
  /** A part of a body, of which so many bytes were padding. The bytes are the reader's. */
  onData(stream: number, data: Uint8Array, padding: number, isLast: boolean): void;
  /** The fields of a request, or its trailer fields. */
  onFields(stream: number, fields: HeaderBlock, isLast: boolean): void;
  onReset(stream: number): void;
  /** A setting that matters here: the window that streams begin with. */
  onInitialWindow(bytes: number): void;
  /** All of the client's settings were heard. */
  onSettings(): void;
  onPing(payload: Uint8Array, isAnswer: boolean): void;
  onGoAway(): void;
  /** @param stream 0 for all. */
  onWindow(stream: number, bytes: number): void;
  /** Something came that is of no use. */
  onIdle(): void;
}

interface Begun {
  readonly stream: number;
  readonly isLast: boolean;
  readonly parts: Uint8Array[];
  length: number;
}

/** Splits what a client sends. */
export class FrameReader {
  /** Whether the client's preface has come. */
  hasPreface = false;
  /** How many bytes what comes next has, as far as that is known. */
  need: number = PREFACE.length;
  readonly #handler: FrameHandler;
  readonly #limits: BlockLimits;
  readonly #decoder = new HpackDecoder();
  #hasSettings = false;
  /** A header block that goes on. */
  #block: Begun | undefined = undefined;

  /** @param limits What a header block may hold. */
  constructor(handler: FrameHandler, limits: BlockLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /** Whether a head is under way, so that the client cannot take its time. */
  isAmidHead({ buffer, start, end }: ClientSocket): boolean {
    if (!this.hasPreface || this.#block !== undefined) return true;
    // A body may come slowly; how slowly is for its stream to say.
    return end > start && (end - start < 4 || buffer[start + 3] !== FRAME.DATA);
  }

  /**
   * Takes what comes next, if all of it is here; whether it was.
   *
   * @throws {H2Error} when the connection cannot go on
   */
  take(client: ClientSocket): boolean {
    const { buffer, start } = client;
    if (client.end - start < this.need) return false;
    if (!this.hasPreface) {
      if (byteString(buffer, start, start + this.need) !== PREFACE) {
        throw broken("it does not begin as HTTP/2 does");
      }
      this.hasPreface = true;
      client.start += this.need;
      this.need = FRAME_HEAD;
      return true;
    }
    const length = buffer[start]! << 16 | buffer[start + 1]! << 8 | buffer[start + 2]!;
    if (length > MAX_FRAME) throw new H2Error(CODE.FRAME_SIZE_ERROR, `it sends a frame of ${length} bytes`);
    this.need = FRAME_HEAD + length;
    if (client.end - start < this.need) return false;
    client.start += this.need;
    this.need = FRAME_HEAD;
    const payload = buffer.subarray(start + FRAME_HEAD, client.start);
    this.#frame(buffer[start + 3]!, buffer[start + 4]!, uint32(buffer, start + 5) & MAX_31_BIT, payload);
    return true;
  }

  #frame(type: number, flags: number, stream: number, payload: Uint8Array): void {
    if (!this.#hasSettings && type !== FRAME.SETTINGS) throw broken("its first frame is not SETTINGS");
    const isContinued = type === FRAME.CONTINUATION && this.#block?.stream === stream;
    if (this.#block !== undefined && !isContinued) throw broken("a frame comes amid a header block");
    const handler = this.#handler;
    const isAnswer = (flags & FLAG.ACK) !== 0;
    switch (type) {
      case FRAME.DATA: {
        const data = unpadded(flags, payload);
        const isLast = (flags & FLAG.END_STREAM) !== 0;
        return handler.onData(ofStream(stream), data, payload.length - data.length, isLast);
      }
      case FRAME.HEADERS:
        return this.#headers(flags, ofStream(stream), payload);
      case FRAME.CONTINUATION:
        if (this.#block === undefined) throw broken("CONTINUATION has no header block");
        if (payload.length === 0) handler.onIdle();
        return this.#addToBlock(this.#block, flags, payload);
      case FRAME.RST_STREAM:
        checkLength("RST_STREAM", payload.length === 4);
        return handler.onReset(ofStream(stream));
      case FRAME.SETTINGS:
        ofConnection(stream);
        checkLength("SETTINGS", payload.length % 6 === 0 && !(isAnswer && payload.length > 0));
        return isAnswer ? handler.onIdle() : this.#settings(payload);
      case FRAME.PING:
        ofConnection(stream);
        checkLength("PING", payload.length === 8);
        return handler.onPing(payload, isAnswer);
      case FRAME.WINDOW_UPDATE:
        checkLength("WINDOW_UPDATE", payload.length === 4);
        return handler.onWindow(stream, uint32(payload, 0) & MAX_31_BIT);
      case FRAME.GOAWAY:
        ofConnection(stream);
        return handler.onGoAway();
      case FRAME.PUSH_PROMISE:
        throw broken("a client cannot push");
      case FRAME.PRIORITY:
        ofStream(stream);
        checkLength("PRIORITY", payload.length === 5);
    }
    // Priorities, and what nobody knows.
    handler.onIdle();
  }

  #headers(flags: number, stream: number, payload: Uint8Array): void {
    let part = unpadded(flags, payload);
    if ((flags & FLAG.PRIORITY) !== 0) {
      checkLength("HEADERS", part.length >= 5);
      part = part.subarray(5);
    }
    this.#block = { stream, isLast: (flags & FLAG.END_STREAM) !== 0, parts: [], length: 0 };
    this.#addToBlock(this.#block, flags, part);
  }

  #addToBlock(block: Begun, flags: number, part: Uint8Array): void {
    block.length += part.length;
    if (block.length > 2 * this.#limits.maxHead) {
      throw new H2Error(CODE.ENHANCE_YOUR_CALM, "it sends a header block without end");
    }
    const isWhole = (flags & FLAG.END_HEADERS) !== 0;
    // What waits for more outlives the reader's bytes.
    block.parts.push(isWhole ? part : part.slice());
    if (!isWhole) return;
    this.#block = undefined;
    let fields: HeaderBlock;
    try {
      fields = this.#decoder.decode(block.parts.length === 1 ? part : concat(block.parts), this.#limits);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      throw new H2Error(CODE.COMPRESSION_ERROR, `a header block is malformed: ${error.message}`);
    }
    this.#handler.onFields(block.stream, fields, block.isLast);
  }

  #settings(payload: Uint8Array): void {
    if (this.#hasSettings) this.#handler.onIdle();
    this.#hasSettings = true;
    for (let at = 0; at < payload.length; at += 6) {
      const value = uint32(payload, at + 2);
      switch (payload[at]! << 8 | payload[at + 1]!) {
        case SETTING.INITIAL_WINDOW_SIZE:
          this.#handler.onInitialWindow(value);
          break;
        case SETTING.ENABLE_PUSH:
          if (value > 1) throw broken(`ENABLE_PUSH is ${value}`);
          break;
        case SETTING.MAX_FRAME_SIZE:
          if (value < MAX_FRAME || value > 0xff_ffff) throw broken(`MAX_FRAME_SIZE is ${value}`);
      }
    }
    this.#handler.onSettings();
  }
}

/** A payload without its padding. */
function unpadded(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & FLAG.PADDED) === 0) return payload;
  const padding = payload[0] ?? 0;
  if (padding >= payload.length) throw broken("a frame has more padding than it is long");
  return payload.subarray(1, payload.length - padding);
}

function ofStream(stream: number): number {
  if (stream === 0) throw broken("a frame is for no stream");
  return stream;
}

function ofConnection(stream: number): void {
  if (stream !== 0) throw broken("a frame of the connection is for a stream");
}

function checkLength(frame: string, isRight: boolean): void {
  if (!isRight) throw new H2Error(CODE.FRAME_SIZE_ERROR, `${frame} has another length`);
}
