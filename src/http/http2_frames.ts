/**
 * The frames of HTTP/2, RFC 9113 sections 4, 6 and 7.
 *
 * @module
 */

/** What a client's side of a connection begins with. */
export const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** The length of what comes before a frame's payload. */
export const FRAME_HEAD = 9;
/** The longest payload, as long as nothing else is agreed on, in bytes. */
export const MAX_FRAME = 16_384;
/** The flow-control window, as long as nothing else is agreed on, in bytes. */
export const DEFAULT_WINDOW = 65_535;
/** The largest flow-control window, in bytes, and the highest stream number. */
export const MAX_31_BIT = 0x7fff_ffff;

/** The types of frames. */
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PUSH_PROMISE = 5;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

/** Flags. */
export const ACK = 0x1;
export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const HAS_PRIORITY = 0x20;

/** Settings. */
export const ENABLE_PUSH = 2;
export const MAX_CONCURRENT_STREAMS = 3;
export const INITIAL_WINDOW_SIZE = 4;
export const MAX_FRAME_SIZE = 5;
export const MAX_HEADER_LIST_SIZE = 6;

/** Error codes. */
export const NO_ERROR = 0;
export const PROTOCOL_ERROR = 1;
export const INTERNAL_ERROR = 2;
export const FLOW_CONTROL_ERROR = 3;
export const STREAM_CLOSED = 5;
export const FRAME_SIZE_ERROR = 6;
export const REFUSED_STREAM = 7;
export const CANCEL = 8;
export const COMPRESSION_ERROR = 9;
export const ENHANCE_YOUR_CALM = 11;

/** Writes what comes before a payload; where that begins. */
export function putFrameHead(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): number {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  putUint32(bytes, at + 5, stream);
  return at + FRAME_HEAD;
}

/** A frame whose payload is 32-bit numbers. */
export function numbersFrame(type: number, stream: number, ...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEAD + 4 * numbers.length);
  let at = putFrameHead(bytes, 0, 4 * numbers.length, type, 0, stream);
  for (const number of numbers) at = putUint32(bytes, at, number);
  return bytes;
}

/** A frame with any payload. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEAD + payload.length);
  bytes.set(payload, putFrameHead(bytes, 0, payload.length, type, flags, stream));
  return bytes;
}

/** A SETTINGS frame with identifiers and values in turns. */
export function settingsFrame(...settings: number[]): Uint8Array {
  const payload = new Uint8Array(settings.length * 3);
  for (let i = 0; i < settings.length; i += 2) {
    payload[i * 3 + 1] = settings[i]!;
    putUint32(payload, i * 3 + 2, settings[i + 1]!);
  }
  return frame(SETTINGS, 0, 0, payload);
}

/** A header block as a HEADERS frame and as many of CONTINUATION as it takes. */
export function headersFrames(stream: number, block: Uint8Array, isLast: boolean): Uint8Array {
  const count = Math.max(1, Math.ceil(block.length / MAX_FRAME));
  const bytes = new Uint8Array(block.length + count * FRAME_HEAD);
  for (let i = 0, at = 0; i < count; i++) {
    const part = block.subarray(i * MAX_FRAME, (i + 1) * MAX_FRAME);
    const flags = (i === count - 1 ? END_HEADERS : 0) | (i === 0 && isLast ? END_STREAM : 0);
    at = putFrameHead(bytes, at, part.length, i === 0 ? HEADERS : CONTINUATION, flags, stream);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Reads a 32-bit number. */
export function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

function putUint32(bytes: Uint8Array, at: number, number: number): number {
  bytes[at] = number >>> 24;
  bytes[at + 1] = number >>> 16;
  bytes[at + 2] = number >>> 8;
  bytes[at + 3] = number;
  return at + 4;
}
