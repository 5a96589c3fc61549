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
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Flags; what each is good for is the frame's to say. */
export const FLAG = { ACK: 0x1, END_STREAM: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** Settings. */
export const SETTING = {
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** Error codes. */
export const CODE = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const;

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
  return frame(FRAME.SETTINGS, 0, 0, payload);
}

/** A header block as a HEADERS frame and as many of FRAME.CONTINUATION as it takes. */
export function headersFrames(stream: number, block: Uint8Array, isLast: boolean): Uint8Array {
  const count = Math.max(1, Math.ceil(block.length / MAX_FRAME));
  const bytes = new Uint8Array(block.length + count * FRAME_HEAD);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const part = block.subarray(i * MAX_FRAME, (i + 1) * MAX_FRAME);
    const flags = (i === count - 1 ? FLAG.END_HEADERS : 0) | (i === 0 && isLast ? FLAG.END_STREAM : 0);
    at = putFrameHead(bytes, at, part.length, i === 0 ? FRAME.HEADERS : FRAME.CONTINUATION, flags, stream);
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
