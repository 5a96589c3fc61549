/**
 * Both ends of WebSockets, in bytes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type Origin, type RawConnection, rawOrigin } from "./origin.ts";

/** The key of every request. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The answer to a key. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** The text of a request for a WebSocket. `lines` end with CR LF each. */
export function webSocketText(lines = "", upgrade = "websocket"): string {
  return `GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: ${upgrade}\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${lines}\r\n`;
}

/** The head that accepts it. */
export function acceptText(head: string, lines = ""): string {
  const key = /^sec-websocket-key: (.+)\r$/im.exec(head)?.[1] ?? "";
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n${lines}\r\n`;
}

/** A frame of a server, as latin-1. */
export function serverFrame(opcode: number, payload: string, isFinal = true): string {
  const { length } = payload;
  const first = String.fromCharCode((isFinal ? 0x80 : 0) | opcode);
  if (length < 126) return first + String.fromCharCode(length) + payload;
  if (length < 65536) return first + String.fromCharCode(126, length >> 8, length & 255) + payload;
  const size = [24, 16, 8, 0].map((shift) => String.fromCharCode((length >>> shift) & 255)).join("");
  return `${first}\x7f\0\0\0\0${size}${payload}`;
}

/** A masked frame of a client, as latin-1. */
export function maskedFrame(opcode: number, payload: string, isFinal = true): string {
  const bare = serverFrame(opcode, payload, isFinal);
  const head = bare.slice(0, bare.length - payload.length);
  const mask = [1, 2, 3, 4];
  const masked = [...payload].map((c, i) => String.fromCharCode(c.charCodeAt(0) ^ mask[i % 4]!)).join("");
  return head[0]! + String.fromCharCode(head.charCodeAt(1) | 0x80) + head.slice(2) +
    String.fromCharCode(...mask) + masked;
}

/** A frame taken apart. */
export interface Frame {
  /** What it is. */
  opcode: number;
  /** Whether it is the last of its message. */
  isFinal: boolean;
  /** Whether it was masked. */
  masked: boolean;
  /** Its content, as latin-1. */
  payload: string;
}

/** The next frame behind what was read before; null at the end of the connection. */
export function framesOf(connection: RawConnection): () => Promise<Frame | null> {
  let at = connection.received.length;
  const head = connection.received.indexOf("\r\n\r\n");
  if (head >= 0) at = head + 4;
  const have = async (count: number) => {
    while (connection.received.length < at + count) if (await connection.read() === null) return false;
    return true;
  };
  const byte = (i: number) => connection.received.charCodeAt(at + i);
  return async () => {
    if (!await have(2)) return null;
    const [opcode, isFinal, masked] = [byte(0) & 15, byte(0) >= 128, byte(1) >= 128];
    let length = byte(1) & 127;
    let start = 2;
    const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
    if (!await have(start + extended)) return null;
    if (extended > 0) {
      length = 0;
      for (let i = 0; i < extended; i++) length = length * 256 + byte(2 + i);
    }
    start += extended;
    if (masked) start += 4;
    if (!await have(start + length)) return null;
    const mask = masked ? [0, 1, 2, 3].map((i) => byte(start - 4 + i)) : [0, 0, 0, 0];
    let payload = connection.received.slice(at + start, at + start + length);
    if (masked) {
      payload = [...payload].map((c, i) => String.fromCharCode(c.charCodeAt(0) ^ mask[i & 3]!)).join("");
    }
    at += start + length;
    return { opcode, isFinal, masked, payload };
  };
}

/** A close frame's content. */
export function closing(code: number, reason = ""): string {
  return String.fromCharCode(code >> 8, code & 255) + reason;
}

/** What an upstream says behind its 101. */
export type Talk = (
  connection: RawConnection,
  next: () => Promise<Frame | null>,
  head: string,
) => Promise<void>;

/** An origin that accepts every WebSocket, then talks. */
export function webSocketOrigin(talk: Talk, lines = ""): Origin {
  return rawOrigin(async (connection) => {
    const head = await connection.readHead();
    if (head === null) return;
    await connection.write(acceptText(head, lines));
    // What comes behind the head is frames.
    await talk(connection, framesOf(connection), head);
  });
}

/** Sends every message back, answers pings, and closes when it is told so. */
export async function echoFrames(
  connection: RawConnection,
  next: () => Promise<Frame | null>,
): Promise<void> {
  for (let frame; (frame = await next()) !== null;) {
    const { opcode, payload, isFinal } = frame;
    await connection.write(serverFrame(opcode === 9 ? 10 : opcode, payload, isFinal));
    if (opcode === 8) return;
  }
}

/** A browser's end of a WebSocket, with what happens to it in order. */
export class Client implements Disposable {
  /** The socket. */
  readonly socket: WebSocket;
  /** Resolves when it is open; rejects when it is refused. */
  readonly open: Promise<void>;
  /** Resolves when it has ended, with how. */
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #messages: (string | ArrayBuffer)[] = [];
  #more = Promise.withResolvers<void>();

  /** Opens one to `host:port`. */
  constructor(address: string, protocols: string[] = []) {
    this.socket = new WebSocket(`ws://${address}/chat`, protocols);
    this.socket.binaryType = "arraybuffer";
    this.open = new Promise((resolve, reject) => {
      this.socket.onopen = () => resolve();
      this.socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
    this.open.catch(() => {});
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
    this.socket.onmessage = ({ data }) => {
      this.#messages.push(data);
      this.#more.resolve();
      this.#more = Promise.withResolvers();
    };
  }

  /** The next message. */
  async next(): Promise<string | ArrayBuffer> {
    while (this.#messages.length === 0) await this.#more.promise;
    return this.#messages.shift()!;
  }

  /** Closes it, if it is open. */
  [Symbol.dispose](): void {
    this.socket.close();
  }
}
