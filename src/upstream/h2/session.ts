/**
 * A connection that speaks HTTP/2, RFC 9113, the client's side: many requests at once, each on a stream of its own.
 *
 * @module
 */
import { concat } from "../../http/body.ts";
import { messageOf, ProxyError } from "../../http/errors.ts";
import { type HeaderBlock, HpackDecoder, HpackError } from "../../http/hpack/decoder.ts";
import {
  CODE,
  DEFAULT_WINDOW,
  FLAG,
  FRAME,
  frame,
  FRAME_HEAD,
  headersFrames,
  MAX_31_BIT,
  MAX_FRAME,
  numbersFrame,
  PREFACE,
  SETTING,
  settingsFrame,
  uint32,
} from "../../http/http2_frames.ts";
import type { Watchdog } from "../../http/watchdog.ts";
import type { Connection } from "../connection.ts";
import { MAX_FIELDS, MAX_HEAD } from "../response_head.ts";
import { Output, type Sender } from "./output.ts";

/** What an upstream may send of a body before it was taken, in bytes: a stream holds no more in memory. */
export const STREAM_WINDOW = 256 * 1024;
/**
 * What it may send on all streams before it is told that this arrived, in bytes. That is not bound to what was taken:
 * a client that reads slowly must not hold up the others.
 */
const SESSION_WINDOW = 1024 * 1024;
/** With more than this waiting to be written, in bytes, an upstream that asks for answers is not reading any. */
const MAX_WAITING = 1024 * 1024;
/** Streams at once, as long as the upstream does not say. */
const UNLIMITED = Infinity;
const LIMITS = { maxHead: MAX_HEAD, maxFields: MAX_FIELDS };

/** A breach of the protocol: the session cannot go on. */
class Breach extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** A request's side of a stream. */
export interface SessionStream extends Sender {
  id: number;
  /** A header block came. */
  onFields(block: HeaderBlock, isLast: boolean): void;
  /** A piece of the body came, in a buffer that is used again; it took `cost` bytes of the stream's window. */
  onData(data: Uint8Array, cost: number, isLast: boolean): void;
  /** The upstream gave the stream up. */
  onReset(code: number): void;
  /** The session is of no use any more to this stream; `untouched` says that the upstream did not act on the request. */
  onLost(error: ProxyError, untouched: boolean): void;
  /** The upstream takes more of the body. */
  onWider(bytes: number): void;
}

/** Who learns of a session's state. */
export interface SessionOwner {
  /** No new stream may be opened on it. */
  retired(session: Http2Session): void;
  /** It has no streams any more. */
  idle(session: Http2Session): void;
}

/** A connection with streams. */
export class Http2Session {
  /** The connection, this session's alone. */
  readonly connection: Connection;
  /** Resolves when the upstream has said how it wants to be spoken to; rejects when it does not speak HTTP/2. */
  readonly ready: Promise<void>;
  /** When it is closed unless it is used, on the watchdog's clock. */
  expiresAt = Infinity;
  /** How often anything came. */
  heard = 0;
  readonly #owner: SessionOwner;
  readonly #watchdog: Watchdog;
  readonly #output: Output;
  readonly #decoder = new HpackDecoder();
  readonly #streams = new Map<number, SessionStream>();
  readonly #ready = Promise.withResolvers<void>();
  #isReady = false;
  #isRetired = false;
  #isClosed = false;
  #places = 0;
  #maxStreams = UNLIMITED;
  #nextId = 1;
  #initialWindow = DEFAULT_WINDOW;
  #receiveWindow = SESSION_WINDOW;
  #unannounced = 0;
  /** A header block whose frames have not all come. */
  #block: { id: number; isLast: boolean; parts: Uint8Array[]; size: number } | undefined = undefined;

  /** Takes the connection over and speaks first. */
  constructor(connection: Connection, watchdog: Watchdog, owner: SessionOwner) {
    this.connection = connection;
    this.#watchdog = watchdog;
    this.#owner = owner;
    this.#output = new Output((bytes) => connection.write(bytes), (error) => this.#lose(error));
    this.ready = this.#ready.promise;
    this.ready.catch(() => {});
    this.#output.send(new TextEncoder().encode(PREFACE));
    this.#output.send(
      settingsFrame(
        SETTING.ENABLE_PUSH,
        0,
        SETTING.INITIAL_WINDOW_SIZE,
        STREAM_WINDOW,
        SETTING.MAX_HEADER_LIST_SIZE,
        MAX_HEAD,
      ),
    );
    this.#output.send(numbersFrame(FRAME.WINDOW_UPDATE, 0, SESSION_WINDOW - DEFAULT_WINDOW));
    void this.#read();
  }

  /** The watchdog's clock. */
  get now(): number {
    return this.#watchdog.now;
  }

  /** Whether it takes another request. */
  get hasRoom(): boolean {
    return !this.#isRetired && this.#places < this.#maxStreams;
  }

  /** Whether no new stream may be opened. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Whether it has no streams. */
  get isIdle(): boolean {
    return this.#places === 0;
  }

  /** Keeps a place for a stream. */
  reserve(): void {
    this.#places++;
    this.expiresAt = Infinity;
  }

  /** Opens a stream: the upstream is sent the request's fields. Only while it is not retired. */
  open(stream: SessionStream, block: Uint8Array, isLast: boolean): void {
    stream.id = this.#nextId;
    stream.window = this.#initialWindow;
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.send(headersFrames(stream.id, block, isLast));
    if (this.#nextId > MAX_31_BIT) this.retire();
  }

  /** Sends frames other than of data. */
  send(frames: Uint8Array): void {
    this.#output.send(frames);
  }

  /** Sends what a stream has pending, as far as the upstream takes it. */
  offer(stream: SessionStream): void {
    this.#output.offer(stream);
  }

  /** Tells the upstream that a stream is given up. */
  reset(stream: SessionStream, code: number): void {
    this.send(numbersFrame(FRAME.RST_STREAM, stream.id, code));
  }

  /** Gives a stream's place back. */
  release(stream: SessionStream): void {
    this.#streams.delete(stream.id);
    this.#places--;
    if (this.#places > 0) return;
    if (this.#isRetired) this.close();
    else this.#owner.idle(this);
  }

  /** Takes no new streams; closes when those that it has are over. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#owner.retired(this);
    if (this.isIdle) this.close();
  }

  /** Closes the connection; streams that are left break off. */
  close(code: number = CODE.NO_ERROR): void {
    if (this.#isClosed) return;
    // As a courtesy: where it cannot be written at once, closing says enough.
    this.connection.write(goAway(code)).catch(() => {});
    this.#lose(new ProxyError("upstream_closed", `${this.#label}: the connection was closed`));
  }

  get #label(): string {
    return this.connection.target.label;
  }

  /** The connection is lost, and what is left of its streams with it. */
  #lose(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const failure = error instanceof ProxyError
      ? error
      : new ProxyError("upstream_closed", `${this.#label}: ${messageOf(error)}`, { cause: error });
    this.#output.close();
    this.connection.close();
    this.#ready.reject(failure);
    this.retire();
    for (const stream of [...this.#streams.values()]) stream.onLost(failure, false);
  }

  async #read(): Promise<void> {
    const { connection } = this;
    try {
      for (;;) {
        while (!this.#isClosed && this.#readFrame());
        if (this.#isClosed) return;
        const n = await connection.fill(2 * MAX_FRAME);
        if (n === null) throw new ProxyError("upstream_closed", `${this.#label} closed the connection`);
        connection.end += n;
        this.heard++;
      }
    } catch (error) {
      if (this.#isClosed || !(error instanceof Breach)) return this.#lose(error);
      this.connection.write(goAway(error.code)).catch(() => {});
      this.#lose(new ProxyError("bad_response", `${this.#label} breaks HTTP/2: ${error.message}`));
    }
  }

  /** Reads a frame, if all of it is here. */
  #readFrame(): boolean {
    const { connection } = this;
    const { buffer, start, end } = connection;
    if (end - start < FRAME_HEAD) return false;
    const length = buffer[start]! << 16 | buffer[start + 1]! << 8 | buffer[start + 2]!;
    const type = buffer[start + 3]!;
    if (!this.#isReady && type !== FRAME.SETTINGS) {
      throw new Breach(CODE.PROTOCOL_ERROR, "it does not begin with SETTINGS");
    }
    if (length > MAX_FRAME) throw new Breach(CODE.FRAME_SIZE_ERROR, `a frame has ${length} bytes`);
    const from = start + FRAME_HEAD;
    if (end - from < length) return false;
    connection.start = from + length;
    const id = uint32(buffer, start + 5) & MAX_31_BIT;
    this.#take(type, buffer[start + 4]!, id, buffer.subarray(from, from + length));
    return true;
  }

  #take(type: number, flags: number, id: number, payload: Uint8Array): void {
    if (this.#block !== undefined && (type !== FRAME.CONTINUATION || id !== this.#block.id)) {
      throw new Breach(CODE.PROTOCOL_ERROR, "a header block breaks off");
    }
    switch (type) {
      case FRAME.DATA:
        return this.#takeData(flags, id, payload);
      case FRAME.HEADERS:
        this.#knows(id);
        this.#block = { id, isLast: (flags & FLAG.END_STREAM) !== 0, parts: [], size: 0 };
        return this.#takeBlock(flags, withoutPriority(flags, unpadded(flags, payload)));
      case FRAME.CONTINUATION:
        if (this.#block === undefined) {
          throw new Breach(CODE.PROTOCOL_ERROR, "a CONTINUATION continues nothing");
        }
        return this.#takeBlock(flags, payload);
      case FRAME.RST_STREAM:
        expectSize(payload, 4);
        return this.#knows(id)?.onReset(uint32(payload, 0));
      case FRAME.SETTINGS:
        return this.#takeSettings(flags, id, payload);
      case FRAME.PING:
        expectSize(payload, 8);
        if (id !== 0) throw new Breach(CODE.PROTOCOL_ERROR, "a PING is on a stream");
        return (flags & FLAG.ACK) === 0 ? this.#answer(frame(FRAME.PING, FLAG.ACK, 0, payload)) : undefined;
      case FRAME.GOAWAY:
        return this.#takeGoAway(payload);
      case FRAME.WINDOW_UPDATE:
        return this.#takeWindow(id, payload);
      case FRAME.PRIORITY:
        return expectSize(payload, 5);
      case FRAME.PUSH_PROMISE:
        throw new Breach(CODE.PROTOCOL_ERROR, "it pushes, which was not allowed");
    }
  }

  /** The stream of that number; undefined when it is over. */
  #knows(id: number): SessionStream | undefined {
    if (id % 2 === 0 || id >= this.#nextId) {
      throw new Breach(CODE.PROTOCOL_ERROR, `stream ${id} was not opened`);
    }
    return this.#streams.get(id);
  }

  #takeData(flags: number, id: number, payload: Uint8Array): void {
    const cost = payload.length;
    const data = unpadded(flags, payload);
    const stream = this.#knows(id);
    this.#receiveWindow -= cost;
    if (this.#receiveWindow < 0) throw new Breach(CODE.FLOW_CONTROL_ERROR, "it sends more than it may");
    this.#unannounced += cost;
    if (this.#unannounced >= SESSION_WINDOW / 2) {
      this.send(numbersFrame(FRAME.WINDOW_UPDATE, 0, this.#unannounced));
      this.#receiveWindow += this.#unannounced;
      this.#unannounced = 0;
    }
    stream?.onData(data, cost, (flags & FLAG.END_STREAM) !== 0);
  }

  #takeBlock(flags: number, part: Uint8Array): void {
    const block = this.#block!;
    block.size += part.length;
    if (block.size > MAX_HEAD) {
      throw new Breach(CODE.ENHANCE_YOUR_CALM, `a head is larger than ${MAX_HEAD} bytes`);
    }
    const isWhole = (flags & FLAG.END_HEADERS) !== 0;
    // Empty ones would never add up to anything.
    if (part.length === 0 && !isWhole) {
      throw new Breach(CODE.ENHANCE_YOUR_CALM, "a part of a header block is empty");
    }
    if (!isWhole || block.parts.length > 0) block.parts.push(part.slice());
    if (!isWhole) return;
    this.#block = undefined;
    const fields = this.#decode(block.parts.length > 0 ? concat(block.parts) : part);
    this.#streams.get(block.id)?.onFields(fields, block.isLast);
  }

  #decode(bytes: Uint8Array): HeaderBlock {
    try {
      return this.#decoder.decode(bytes, LIMITS);
    } catch (error) {
      if (error instanceof HpackError) throw new Breach(CODE.COMPRESSION_ERROR, error.message);
      throw error;
    }
  }

  #takeSettings(flags: number, id: number, payload: Uint8Array): void {
    if (id !== 0) throw new Breach(CODE.PROTOCOL_ERROR, "SETTINGS are on a stream");
    if ((flags & FLAG.ACK) !== 0) {
      if (!this.#isReady) {
        throw new Breach(CODE.PROTOCOL_ERROR, "it does not begin with SETTINGS of its own");
      }
      return expectSize(payload, 0);
    }
    if (payload.length % 6 !== 0) throw new Breach(CODE.FRAME_SIZE_ERROR, "SETTINGS are cut short");
    for (let at = 0; at < payload.length; at += 6) {
      const value = uint32(payload, at + 2);
      switch (payload[at]! << 8 | payload[at + 1]!) {
        case SETTING.MAX_CONCURRENT_STREAMS:
          this.#maxStreams = value;
          break;
        case SETTING.INITIAL_WINDOW_SIZE:
          if (value > MAX_31_BIT) {
            throw new Breach(CODE.FLOW_CONTROL_ERROR, `it sets a window of ${value} bytes`);
          }
          for (const stream of this.#streams.values()) stream.onWider(value - this.#initialWindow);
          this.#initialWindow = value;
          break;
        case SETTING.MAX_FRAME_SIZE:
          if (value < MAX_FRAME || value >= 1 << 24) {
            throw new Breach(CODE.PROTOCOL_ERROR, `it sets frames of ${value} bytes`);
          }
      }
    }
    this.#answer(frame(FRAME.SETTINGS, FLAG.ACK, 0, new Uint8Array()));
    this.#isReady = true;
    this.#ready.resolve();
  }

  #takeGoAway(payload: Uint8Array): void {
    if (payload.length < 8) throw new Breach(CODE.FRAME_SIZE_ERROR, "a GOAWAY is cut short");
    const last = uint32(payload, 0) & MAX_31_BIT;
    const code = uint32(payload, 4);
    const error = new ProxyError(
      "upstream_closed",
      `${this.#label} gave the connection up before it took the request (GOAWAY, code ${code})`,
    );
    this.retire();
    for (const stream of [...this.#streams.values()]) if (stream.id > last) stream.onLost(error, true);
  }

  #takeWindow(id: number, payload: Uint8Array): void {
    expectSize(payload, 4);
    const bytes = uint32(payload, 0) & MAX_31_BIT;
    if (id !== 0) return this.#knows(id)?.onWider(bytes);
    this.#output.widen(bytes);
    if (bytes === 0 || this.#output.window > MAX_31_BIT) {
      throw new Breach(CODE.FLOW_CONTROL_ERROR, `it widens the session's window by ${bytes} bytes`);
    }
  }

  /** Sends what the upstream has to be answered. */
  #answer(frames: Uint8Array): void {
    if (this.#output.waiting > MAX_WAITING) throw new Breach(CODE.ENHANCE_YOUR_CALM, "it takes no answers");
    this.send(frames);
  }
}

function goAway(code: number): Uint8Array {
  return numbersFrame(FRAME.GOAWAY, 0, 0, code);
}

function expectSize(payload: Uint8Array, size: number): void {
  if (payload.length !== size) throw new Breach(CODE.FRAME_SIZE_ERROR, "a frame has a wrong size");
}

function unpadded(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & FLAG.PADDED) === 0) return payload;
  const end = payload.length - (payload[0] ?? 0);
  if (end < 1) throw new Breach(CODE.PROTOCOL_ERROR, "a frame is all padding and more");
  return payload.subarray(1, end);
}

function withoutPriority(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & FLAG.PRIORITY) === 0) return payload;
  if (payload.length < 5) throw new Breach(CODE.FRAME_SIZE_ERROR, "a HEADERS frame is cut short");
  return payload.subarray(5);
}
