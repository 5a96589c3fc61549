/**
 * Buffers for answers on their way out, used again and again.
 *
 * @module
 */

/** The size of a buffer: a head and a piece of a body. */
export const BUFFER_SIZE: number = 64 * 1024;
/** The most that are kept unused. */
const KEPT = 64;

const unused: Uint8Array<ArrayBuffer>[] = [];

/** A buffer; what is in it is left from before. */
export function takeBuffer(): Uint8Array<ArrayBuffer> {
  return unused.pop() ?? new Uint8Array(BUFFER_SIZE);
}

/** Gives a buffer back that nothing reads or writes any more. */
export function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  if (unused.length < KEPT && buffer.length === BUFFER_SIZE) unused.push(buffer);
}
