/**
 * Buffers for answers on their way out, used again and again.
 *
 * @module
 */

/** The size of a buffer: a head and a piece of a body. */
export const BUFFER_SIZE: number = 64 * 1024;
/** The size of one for a short answer, or for one that comes slowly. */
export const SMALL_SIZE: number = 4 * 1024;
/** The most of either size that are kept unused. */
const KEPT = 64;

const unused: Uint8Array<ArrayBuffer>[] = [];
const unusedSmall: Uint8Array<ArrayBuffer>[] = [];

/** A buffer; what is in it is left from before. */
export function takeBuffer(): Uint8Array<ArrayBuffer> {
  return unused.pop() ?? new Uint8Array(BUFFER_SIZE);
}

/** A small one: thousands of clients may be refused at the same moment. */
export function takeSmallBuffer(): Uint8Array<ArrayBuffer> {
  return unusedSmall.pop() ?? new Uint8Array(SMALL_SIZE);
}

/** Gives a buffer back that nothing reads or writes any more. */
export function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  if (buffer.length === BUFFER_SIZE) {
    if (unused.length < KEPT) unused.push(buffer);
  } else if (buffer.length === SMALL_SIZE && unusedSmall.length < KEPT) {
    unusedSmall.push(buffer);
  }
}
