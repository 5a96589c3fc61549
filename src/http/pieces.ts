/**
 * Pieces of a body that wait to be read.
 *
 * @module
 */

/** Pieces that are smaller are put together, in bytes: each by itself would cost more than what is in it. */
const SMALL = 1024;
/** How large what is put together gets, in bytes. */
const GATHERED = 8 * 1024;

/** Adds a copy of a piece to those that wait; small ones share a buffer. */
export function addPiece(pieces: Uint8Array[], piece: Uint8Array): void {
  if (piece.length >= SMALL) return void pieces.push(piece.slice());
  const last = pieces.at(-1);
  const end = last === undefined ? 0 : last.byteOffset + last.length;
  // Only a buffer that was made here has room behind its last piece.
  if (last === undefined || last.buffer.byteLength - end < piece.length) {
    pieces.push(new Uint8Array(GATHERED).subarray(0, 0));
    return addPiece(pieces, piece);
  }
  const whole = new Uint8Array(last.buffer, last.byteOffset, last.length + piece.length);
  whole.set(piece, last.length);
  pieces[pieces.length - 1] = whole;
}
