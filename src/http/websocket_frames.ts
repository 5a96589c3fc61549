/**
 * WebSocket frames as a client has them, RFC 6455 section 5: masked ones to write, unmasked ones to read.
 *
 * @module
 */

/** What a frame is. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A message, put together again, or a control frame. */
export interface WebSocketMessage {
  /** {@linkcode Opcode.text} or `binary`, or that of the control frame. */
  readonly opcode: number;
  /** Its content. */
  readonly payload: Uint8Array;
}

/** What is wrong with the frames of the other side, with the close code that says so. */
export class WebSocketError extends Error {
  /** The close code, RFC 6455 section 7.4.1. */
  readonly code: number;

  /** `code` is 1002 (protocol error), 1007 (not UTF-8) or 1009 (too large). */
  constructor(code: number, message: string) {
    super(message);
    this.name = "WebSocketError";
    this.code = code;
  }
}

/** Control frames have no more, in bytes. */
const MAX_CONTROL = 125;
const MASKED = 0x80;
const FIN = 0x80;

/** Chance for masks, asked for many at a time. */
const masks = new Uint32Array(1024);
let unused = 0;

/** A whole frame of a client. */
export function clientFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const extended = length <= MAX_CONTROL ? 0 : length <= 0xffff ? 2 : 8;
  const head = 2 + extended + 4;
  // The payload begins at a multiple of 4, to be masked a word at a time.
  const start = -head & 3;
  const bytes = new Uint8Array((start + head + length + 3) & ~3);
  const view = new DataView(bytes.buffer);
  bytes[start] = FIN | opcode;
  bytes[start + 1] = MASKED | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(start + 2, length);
  else if (extended === 8) view.setBigUint64(start + 2, BigInt(length));
  if (unused === 0) crypto.getRandomValues(masks);
  const words = new Uint32Array(bytes.buffer);
  const mask = masks[unused]!;
  unused = (unused + 1) % masks.length;
  bytes.set(payload, start + head);
  const first = (start + head) >> 2;
  words[first - 1] = mask;
  for (let i = first; i < words.length; i++) words[i]! ^= mask;
  return bytes.subarray(start, start + head + length);
}

/** The content of a close frame. A reason is cut to what fits. */
export function closePayload(code: number, reason: string): Uint8Array {
  const text = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_CONTROL - 2));
  const payload = new Uint8Array(2 + text.written);
  new DataView(payload.buffer).setUint16(0, code);
  new TextEncoder().encodeInto(reason, payload.subarray(2));
  return payload;
}

/**
 * Code and reason of a close frame; a code of 1005 when it has none.
 *
 * @throws {WebSocketError} when it has a code that must not be sent, or a reason that is not UTF-8
 */
export function closeReason(payload: Uint8Array): { code: number; reason: string } {
  if (payload.length === 0) return { code: 1005, reason: "" };
  const code = payload.length === 1 ? 0 : payload[0]! << 8 | payload[1]!;
  const isDefined = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
  if (!isDefined && !(code >= 3000 && code <= 4999)) throw new WebSocketError(1002, `close code ${code}`);
  return { code, reason: textOf(payload.subarray(2)) };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of a message.
 *
 * @throws {WebSocketError} when it is not UTF-8
 */
export function textOf(payload: Uint8Array): string {
  try {
    return decoder.decode(payload);
  } catch {
    throw new WebSocketError(1007, "text that is not UTF-8");
  }
}

/** What is read at a time. */
const BUFFER = 16 * 1024;

const NOTHING = new Uint8Array(0);

/** Reads the messages of a server. */
export class WebSocketReader {
  readonly #read: (into: Uint8Array) => Promise<number | null>;
  readonly #maxMessage: number;
  readonly #buffer = new Uint8Array(BUFFER);
  #start = 0;
  #end = 0;
  /** The opcode of a message of which fragments have come. */
  #begun = 0;
  /** Room for what has come of it: a piece for each fragment could take a hundred times its content. */
  #message = NOTHING;
  #gathered = 0;

  /**
   * Reads by a function that gives the number of bytes read, or null at the end.
   *
   * @param maxMessage The largest message, in bytes.
   */
  constructor(read: (into: Uint8Array) => Promise<number | null>, maxMessage: number) {
    this.#read = read;
    this.#maxMessage = maxMessage;
  }

  /**
   * The next message or control frame; null when the connection ended without a close frame.
   *
   * @throws {WebSocketError} when what comes is no such thing
   */
  async next(): Promise<WebSocketMessage | null> {
    for (;;) {
      if (!await this.#have(2)) return null;
      const first = this.#buffer[this.#start]!;
      const second = this.#buffer[this.#start + 1]!;
      const opcode = first & 0x0f;
      const isFinal = (first & FIN) !== 0;
      if ((first & 0x70) !== 0) {
        throw new WebSocketError(1002, "a frame of an extension that was not asked for");
      }
      if ((second & MASKED) !== 0) throw new WebSocketError(1002, "a masked frame of a server");
      const extended = second === 126 ? 2 : second === 127 ? 8 : 0;
      if (!await this.#have(2 + extended)) return null;
      const length = extended === 0 ? second : this.#length(extended);
      this.#check(opcode, isFinal, length);
      this.#start += 2 + extended;
      const isWhole = isFinal && opcode !== Opcode.continuation;
      const payload = isWhole ? new Uint8Array(length) : this.#room(length);
      if (!await this.#take(payload)) return null;
      if (isWhole) return { opcode, payload };
      if (opcode !== Opcode.continuation) this.#begun = opcode;
      this.#gathered += length;
      if (isFinal) return this.#finish();
    }
  }

  /** Where the next fragment goes. */
  #room(length: number): Uint8Array {
    const end = this.#gathered + length;
    if (end > this.#message.length) {
      const larger = new Uint8Array(Math.min(Math.max(end, 2 * this.#message.length), this.#maxMessage));
      larger.set(this.#message.subarray(0, this.#gathered));
      this.#message = larger;
    }
    return this.#message.subarray(this.#gathered, end);
  }

  #finish(): WebSocketMessage {
    const opcode = this.#begun;
    const payload = this.#message.subarray(0, this.#gathered);
    this.#begun = this.#gathered = 0;
    this.#message = NOTHING;
    return { opcode, payload };
  }

  #check(opcode: number, isFinal: boolean, length: number): void {
    if (opcode >= Opcode.close) {
      if (opcode > Opcode.pong) throw new WebSocketError(1002, `opcode ${opcode}`);
      if (!isFinal || length > MAX_CONTROL) {
        throw new WebSocketError(1002, "a control frame that is too large");
      }
      return;
    }
    if (opcode > Opcode.binary) throw new WebSocketError(1002, `opcode ${opcode}`);
    const isBegun = this.#begun !== 0;
    if ((opcode === Opcode.continuation) !== isBegun) {
      throw new WebSocketError(1002, isBegun ? "a message within another" : "a continuation of nothing");
    }
    if (this.#gathered + length > this.#maxMessage) {
      throw new WebSocketError(1009, `a message of more than ${this.#maxMessage} bytes`);
    }
  }

  #length(extended: number): number {
    const view = new DataView(this.#buffer.buffer, this.#start + 2);
    return extended === 2 ? view.getUint16(0) : Number(view.getBigUint64(0));
  }

  /** Whether so many bytes, a head at the most, are there before the end. */
  async #have(count: number): Promise<boolean> {
    while (this.#end - this.#start < count) {
      if (this.#start + count > BUFFER) {
        this.#buffer.copyWithin(0, this.#start, this.#end);
        this.#end -= this.#start;
        this.#start = 0;
      }
      const n = await this.#read(this.#buffer.subarray(this.#end));
      if (n === null) return false;
      this.#end += n;
    }
    return true;
  }

  /** Fills it; false when the end comes before. */
  async #take(payload: Uint8Array): Promise<boolean> {
    const { length } = payload;
    const there = Math.min(length, this.#end - this.#start);
    payload.set(this.#buffer.subarray(this.#start, this.#start + there));
    this.#start += there;
    if (this.#start === this.#end) this.#start = this.#end = 0;
    for (let at = there; at < length;) {
      const n = await this.#read(payload.subarray(at));
      if (n === null) return false;
      at += n;
    }
    return true;
  }
}
