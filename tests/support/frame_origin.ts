/**
 * An upstream that speaks HTTP/2 frame by frame: what it sends need make no sense.
 *
 * @module
 */
import { HpackDecoder } from "../../src/http/hpack/decoder.ts";
import { encodeBlock } from "../../src/http/hpack/encoder.ts";
import {
  FLAG,
  FRAME,
  frame,
  headersFrames,
  numbersFrame,
  PREFACE,
  settingsFrame,
  uint32,
} from "../../src/http/http2_frames.ts";

/** A frame that came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  /** The stream's number. */
  readonly id: number;
  readonly payload: Uint8Array;
  /** The fields of HEADERS, `name: value`. */
  readonly fields: readonly string[];
}

/** A connection of the proxy's. */
export class FrameConnection {
  /** Counts connections from 1. */
  readonly number: number;
  /** All that came, in order. */
  readonly frames: Frame[] = [];
  readonly #conn: Deno.Conn;
  #waiting: (() => void)[] = [];

  constructor(conn: Deno.Conn, number: number) {
    this.#conn = conn;
    this.number = number;
  }

  /** Sends bytes. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Sends a head, or trailer fields: names and values in turns. */
  head(id: number, lines: string[], isLast = false): Promise<void> {
    return this.send(headersFrames(id, encodeBlock(lines), isLast));
  }

  /** Sends a piece of a body. */
  data(id: number, text: string | Uint8Array, isLast = false): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    return this.send(frame(FRAME.DATA, isLast ? FLAG.END_STREAM : 0, id, bytes));
  }

  /** Gives a stream up. */
  reset(id: number, code: number): Promise<void> {
    return this.send(numbersFrame(FRAME.RST_STREAM, id, code));
  }

  /** Says what stream is the last that is acted on. */
  goAway(last: number, code = 0): Promise<void> {
    return this.send(numbersFrame(FRAME.GOAWAY, 0, last, code));
  }

  /** Answers a request in full. */
  async answer(id: number, text = "hello"): Promise<void> {
    await this.head(id, [":status", "200"]);
    await this.data(id, text, true);
  }

  /** The nth (from 1) frame that `wanted` holds for. */
  async frame(wanted: (frame: Frame) => boolean, n = 1): Promise<Frame> {
    for (;;) {
      const found = this.frames.filter(wanted)[n - 1];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Closes, also when closed already. */
  close(): void {
    try {
      this.#conn.close();
    } catch { /* closed already */ }
  }

  /** Reads to the end. */
  async read(onFrame: (frame: Frame) => Promise<void>): Promise<void> {
    const decoder = new HpackDecoder();
    const piece = new Uint8Array(64 * 1024);
    let bytes = new Uint8Array();
    let isBegun = false;
    for (;;) {
      const n = await this.#conn.read(piece).catch(() => null);
      if (n === null) return;
      const all = new Uint8Array(bytes.length + n);
      all.set(bytes);
      all.set(piece.subarray(0, n), bytes.length);
      bytes = all;
      if (!isBegun) {
        // What is ahead of the preface, such as a PROXY protocol header, is passed over.
        const skip = new TextDecoder("latin1").decode(bytes).indexOf(PREFACE);
        if (skip < 0) continue;
        isBegun = true;
        bytes = bytes.subarray(skip + PREFACE.length);
      }
      while (bytes.length >= 9) {
        const end = 9 + (uint32(bytes, 0) >>> 8);
        if (bytes.length < end) break;
        const type = bytes[3]!;
        const payload = bytes.slice(9, end);
        const fields: string[] = [];
        if (type === FRAME.HEADERS) {
          const { lines } = decoder.decode(payload, { maxHead: 1 << 20, maxFields: 1000 });
          for (let i = 0; i < lines.length; i += 2) fields.push(`${lines[i]}: ${lines[i + 1]}`);
        }
        const came = { type, flags: bytes[4]!, id: uint32(bytes, 5), payload, fields };
        bytes = bytes.subarray(end);
        this.frames.push(came);
        for (const wake of this.#waiting.splice(0)) wake();
        await onFrame(came);
      }
    }
  }
}

/** The origin; disposing it closes everything. */
export interface FrameOrigin extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** All that were accepted. */
  readonly connections: readonly FrameConnection[];
  /** Resolves when all connections so far are closed by the proxy. */
  closed(): Promise<unknown>;
}

/** How it talks. */
export interface FrameTalk {
  /** Sent first: SETTINGS, identifiers and values in turns; null for nothing at all. */
  settings?: readonly number[] | null;
  /** A request's head came; its stream has the number `id`. */
  onRequest?(connection: FrameConnection, id: number, head: Frame): Promise<void> | void;
  /** Any frame came. */
  onFrame?(connection: FrameConnection, frame: Frame): Promise<void> | void;
}

/** Starts one. It acknowledges settings, and does nothing else unasked. */
export function frameOrigin({ settings = [], onRequest, onFrame }: FrameTalk): FrameOrigin {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: FrameConnection[] = [];
  const work: Promise<void>[] = [];
  const talk = async (connection: FrameConnection) => {
    if (settings !== null) await connection.send(settingsFrame(...settings));
    await connection.read(async (frameIn) => {
      if (frameIn.type === FRAME.SETTINGS && (frameIn.flags & FLAG.ACK) === 0 && settings !== null) {
        await connection.send(frame(FRAME.SETTINGS, FLAG.ACK, 0, new Uint8Array()));
      }
      await onFrame?.(connection, frameIn);
      // Trailer fields are no head.
      if (frameIn.fields.some((field) => field.startsWith(":method"))) {
        await onRequest?.(connection, frameIn.id, frameIn);
      }
    });
  };
  const accepting = (async () => {
    for await (const conn of listener) {
      const connection = new FrameConnection(conn, connections.length + 1);
      connections.push(connection);
      work.push(talk(connection).catch(() => {}).finally(() => connection.close()));
    }
  })();
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    connections,
    closed: () => Promise.all(work),
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of connections) connection.close();
      await accepting;
      await Promise.all(work);
    },
  };
}
