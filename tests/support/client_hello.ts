/**
 * The first message of TLS, as clients send it.
 *
 * @module
 */

/** What is unusual about it. */
export interface HelloOptions {
  /** The name that is asked for; undefined for none. */
  name?: string | undefined;
  /** Bytes of the message in each record. @default {16_384} */
  perRecord?: number;
  /** Bytes of an extension that nobody knows. @default {0} */
  padding?: number;
}

/** One, in its records. */
export function clientHello(
  { name, perRecord = 16_384, padding = 0 }: HelloOptions = {},
): Uint8Array<ArrayBuffer> {
  const extensions = [0x0a, 0x0a, ...vector(2, new Array(padding).fill(0))];
  if (name !== undefined) {
    const host = [0, ...vector(2, [...name].map((c) => c.charCodeAt(0)))];
    extensions.push(0, 0, ...vector(2, vector(2, host)));
  }
  const body = [
    3,
    3,
    ...new Array(32).fill(7),
    ...vector(1, [1, 2, 3]),
    ...vector(2, [0x13, 1]),
    ...vector(1, [0]),
  ];
  body.push(...vector(2, extensions));
  const message = [1, 0, ...vector(2, body)];
  const records: number[] = [];
  for (let at = 0; at < message.length; at += perRecord) {
    records.push(22, 3, 1, ...vector(2, message.slice(at, at + perRecord)));
  }
  return Uint8Array.from(records);
}

function vector(lengthBytes: 1 | 2, bytes: number[]): number[] {
  return lengthBytes === 1 ? [bytes.length, ...bytes] : [bytes.length >> 8, bytes.length & 255, ...bytes];
}
