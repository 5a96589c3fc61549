/**
 * A client that speaks HTTP/2 frame by frame, and may break every rule of it.
 *
 * @module
 */
import { concat } from "../../src/http/body.ts";
import { HpackDecoder } from "../../src/http/hpack/decoder.ts";
import { encodeBlock } from "../../src/http/hpack/encoder.ts";
import * as http2 from "../../src/http/http2_frames.ts";
import { within } from "./wire.ts";

/** A frame that came. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Uint8Array;
  /** Of a header block, by name. */
  readonly fields?: Record<string, string>;
}

const NO_LIMITS = { maxHead: Infinity, maxFields: Infinity };
const encoder = new TextEncoder();

/** The pseudo-fields of a GET, with others in their place and fields behind them. */
export function fields(more: Record<string, string> = {}): string[] {
  const all = { ":method": "GET", ":scheme": "http", ":authority": "a", ":path": "/", ...more };
  return Object.entries(all).flat();
}

/** A connection; all frames that came are kept. */
export class Http2Wire implements Disposable {
  readonly frames: Frame[] = [];
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>;
  readonly #conn: Deno.Conn;
  readonly #decoder = new HpackDecoder();
  readonly #block: Frame[] = [];
  #waiting: (() => void)[] = [];
  #isClosed = false;

  /** @param isReading Whether it reads. */
  constructor(conn: Deno.Conn, isReading: boolean) {
    this.#conn = conn;
    this.closed = isReading ? this.#read() : new Promise(() => {});
  }

  /** Sends the bytes of frames, or whatever. */
  async send(...parts: (Uint8Array | string)[]): Promise<void> {
    const bytes = concat(parts.map((part) => typeof part === "string" ? encoder.encode(part) : part));
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** The first frame that is as wanted, come or to come. */
  async frame(isWanted: (frame: Frame) => boolean, what = "a frame"): Promise<Frame> {
    const found = async () => {
      for (;;) {
        const frame = this.frames.find(isWanted);
        if (frame !== undefined) return frame;
        if (this.#isClosed) throw new Error(`${what} did not come before the connection was closed`);
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    };
    return await within(found(), what);
  }

  /** The status of the answer on a stream. */
  async status(stream: number): Promise<number> {
    const { fields } = await this.frame(
      ({ type, stream: id, fields }) =>
        type === http2.FRAME.HEADERS && id === stream && Number(fields![":status"]) >= 200,
      `the head on stream ${stream}`,
    );
    return Number(fields![":status"]);
  }

  /** The code that a stream was reset with. */
  async resetCode(stream: number): Promise<number> {
    const { payload } = await this.frame(
      ({ type, stream: id }) => type === http2.FRAME.RST_STREAM && id === stream,
      "a reset",
    );
    return http2.uint32(payload, 0);
  }

  /** The code of the last word. */
  async goAwayCode(): Promise<number> {
    const { payload } = await this.frame(({ type }) => type === http2.FRAME.GOAWAY, "GOAWAY");
    return http2.uint32(payload, 4);
  }

  /** The bodies' bytes that came on a stream. */
  body(stream: number): string {
    const parts = this.frames.filter(({ type, stream: id }) => type === http2.FRAME.DATA && id === stream);
    return new TextDecoder().decode(concat(parts.map(({ payload }) => payload)));
  }

  /** Whether a stream was ended by the other side. */
  isEnded(stream: number): boolean {
    return this.frames.some(({ type, flags, stream: id }) =>
      id === stream && (type === http2.FRAME.DATA || type === http2.FRAME.HEADERS) &&
      (flags & http2.FLAG.END_STREAM) !== 0
    );
  }

  /** Resolves when a stream was ended by the other side. */
  async ended(stream: number): Promise<void> {
    await this.frame(() => this.isEnded(stream), `the end of stream ${stream}`);
  }

  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch {
      // It was closed by its reading.
    }
  }

  async #read(): Promise<void> {
    let kept: Uint8Array = new Uint8Array();
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let n; (n = await this.#conn.read(buffer)) !== null;) {
        kept = concat([kept, buffer.subarray(0, n)]);
        for (let length; kept.length >= 9 && kept.length >= (length = 9 + (http2.uint32(kept, 0) >>> 8));) {
          this.#add(kept.slice(0, length));
          kept = kept.subarray(length);
        }
        this.#tell();
      }
    } catch {
      // Closed, or reset.
    }
    this.#isClosed = true;
    this.#tell();
  }

  #add(bytes: Uint8Array): void {
    const [type, flags] = [bytes[3]!, bytes[4]!];
    const payload = bytes.subarray(9);
    const frame = { type, flags, stream: http2.uint32(bytes, 5), payload };
    if (type !== http2.FRAME.HEADERS && type !== http2.FRAME.CONTINUATION) {
      return void this.frames.push(frame);
    }
    this.#block.push(frame);
    if ((flags & http2.FLAG.END_HEADERS) === 0) return;
    const [first, ...others] = this.#block.splice(0);
    const block = concat([first!, ...others].map(({ payload }) => payload));
    const { lines } = this.#decoder.decode(block, NO_LIMITS);
    const pairs = lines.flatMap((name, i) => i % 2 === 0 ? [[name, lines[i + 1]!]] : []);
    this.frames.push({ ...first!, fields: Object.fromEntries(pairs) }, ...others);
  }

  #tell(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Connects, and sends the preface and SETTINGS unless that is left to the test. */
export async function http2Wire(
  address: string,
  { isReading = true, settings = [] as number[], begins = true } = {},
): Promise<Http2Wire> {
  const [hostname, port] = address.split(":") as [string, string];
  const wire = new Http2Wire(await Deno.connect({ hostname, port: Number(port) }), isReading);
  if (begins) await wire.send(http2.PREFACE, http2.settingsFrame(...settings));
  return wire;
}

/** HEADERS with a whole block. */
export function headers(stream: number, lines: readonly string[], isLast = true): Uint8Array {
  return http2.headersFrames(stream, encodeBlock(lines), isLast);
}

/** DATA. */
export function data(stream: number, text: string, isLast = false): Uint8Array {
  return http2.frame(http2.FRAME.DATA, isLast ? http2.FLAG.END_STREAM : 0, stream, encoder.encode(text));
}

/** RST_STREAM with CANCEL. */
export function reset(stream: number): Uint8Array {
  return http2.numbersFrame(http2.FRAME.RST_STREAM, stream, http2.CODE.CANCEL);
}
