/**
 * A connection that speaks HTTP/2, RFC 9113, the client's side: many requests at once, each on a stream of its own.
 *
 * @module
 */
import { messageOf, ProxyError } from "../../http/errors.ts";
import type { HeaderBlock } from "../../http/hpack/decoder.ts";
import {
  CODE,
  DEFAULT_WINDOW,
  FLAG,
  FRAME,
  frame,
  headersFrames,
  MAX_31_BIT,
  MAX_FRAME,
  numbersFrame,
  PREFACE,
  SETTING,
  settingsFrame,
} from "../../http/http2_frames.ts";
import type { Watchdog } from "../../http/watchdog.ts";
import type { Connection } from "../connection.ts";
import { MAX_HEAD } from "../response_head.ts";
import { Breach, type FrameHandler, FrameReader } from "./frame_reader.ts";
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
export class Http2Session implements FrameHandler {
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
  readonly #reader: FrameReader;
  readonly #streams = new Map<number, SessionStream>();
  readonly #ready = Promise.withResolvers<void>();
  #isRetired = false;
  #isClosed = false;
  #places = 0;
  #maxStreams = Infinity;
  #nextId = 1;
  #initialWindow = DEFAULT_WINDOW;
  #receiveWindow = SESSION_WINDOW;
  #unannounced = 0;
  /** Takes the connection over and speaks first. */
  constructor(connection: Connection, watchdog: Watchdog, owner: SessionOwner) {
    this.connection = connection;
    this.#watchdog = watchdog;
    this.#owner = owner;
    this.#output = new Output((bytes) => connection.write(bytes), (error) => this.#lose(error));
    this.#reader = new FrameReader(connection, this);
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
        while (!this.#isClosed && this.#reader.take());
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

  onData(id: number, data: Uint8Array, cost: number, isLast: boolean): void {
    const stream = this.#knows(id);
    this.#receiveWindow -= cost;
    if (this.#receiveWindow < 0) throw new Breach(CODE.FLOW_CONTROL_ERROR, "it sends more than it may");
    this.#unannounced += cost;
    if (this.#unannounced >= SESSION_WINDOW / 2) {
      this.send(numbersFrame(FRAME.WINDOW_UPDATE, 0, this.#unannounced));
      this.#receiveWindow += this.#unannounced;
      this.#unannounced = 0;
    }
    stream?.onData(data, cost, isLast);
  }

  onHeaders(id: number): void {
    this.#knows(id);
  }

  onFields(id: number, block: HeaderBlock, isLast: boolean): void {
    this.#streams.get(id)?.onFields(block, isLast);
  }

  onReset(id: number, code: number): void {
    this.#knows(id)?.onReset(code);
  }

  onSetting(setting: number, value: number): void {
    switch (setting) {
      case SETTING.MAX_CONCURRENT_STREAMS:
        this.#maxStreams = value;
        break;
      case SETTING.INITIAL_WINDOW_SIZE:
        if (value > MAX_31_BIT) {
          throw new Breach(CODE.FLOW_CONTROL_ERROR, `it sets a window of ${value} bytes`);
        }
        for (const stream of [...this.#streams.values()]) stream.onWider(value - this.#initialWindow);
        this.#initialWindow = value;
        break;
      case SETTING.MAX_FRAME_SIZE:
        if (value < MAX_FRAME || value >= 1 << 24) {
          throw new Breach(CODE.PROTOCOL_ERROR, `it sets frames of ${value} bytes`);
        }
    }
  }

  onSettings(): void {
    this.#answer(frame(FRAME.SETTINGS, FLAG.ACK, 0, new Uint8Array()));
    this.#ready.resolve();
  }

  onPing(payload: Uint8Array): void {
    this.#answer(frame(FRAME.PING, FLAG.ACK, 0, payload));
  }

  onGoAway(last: number, code: number): void {
    const error = new ProxyError(
      "upstream_closed",
      `${this.#label} gave the connection up before it took the request (GOAWAY, code ${code})`,
    );
    this.retire();
    for (const stream of [...this.#streams.values()]) if (stream.id > last) stream.onLost(error, true);
  }

  onWindow(id: number, bytes: number): void {
    if (id !== 0) return this.#knows(id)?.onWider(bytes);
    this.#output.widen(bytes);
    if (bytes === 0 || this.#output.window > MAX_31_BIT) {
      throw new Breach(CODE.FLOW_CONTROL_ERROR, `it widens the session's window by ${bytes} bytes`);
    }
  }

  /** The stream of that number; undefined when it is over. */
  #knows(id: number): SessionStream | undefined {
    if (id % 2 === 0 || id >= this.#nextId) {
      throw new Breach(CODE.PROTOCOL_ERROR, `stream ${id} was not opened`);
    }
    return this.#streams.get(id);
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
