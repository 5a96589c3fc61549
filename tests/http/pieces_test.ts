import { assertEquals, assertLess } from "@std/assert";
import { concat } from "../../src/http/body.ts";
import { addPiece } from "../../src/http/pieces.ts";

/** Adds pieces of those sizes, all in one buffer that is used again, and takes away a part after some of them. */
function added(
  sizes: readonly number[],
  takesEvery = Infinity,
): { pieces: Uint8Array[]; expected: number[] } {
  const pieces: Uint8Array[] = [];
  let expected: number[] = [];
  const buffer = new Uint8Array(16_384);
  let next = 0;
  for (const [i, size] of sizes.entries()) {
    const piece = buffer.subarray(7, 7 + size);
    for (let at = 0; at < size; at++) piece[at] = next++ % 251;
    expected.push(...piece);
    addPiece(pieces, piece);
    if (i % takesEvery !== takesEvery - 1) continue;
    // As a reader does that wants fewer bytes than there are.
    const first = pieces[0]!;
    pieces[0] = first.subarray(first.length >> 1);
    expected = expected.slice(first.length >> 1);
  }
  return { pieces, expected };
}

Deno.test("pieces that wait are the bytes that were added, in order", () => {
  const sizes = [
    1,
    1023,
    5,
    1024,
    1,
    1,
    7_168,
    1_023,
    1_023,
    16_000,
    3,
    ...Array(9_000).fill(1),
    1_000,
    1_000,
  ];
  for (const every of [Infinity, 3, 7]) {
    const { pieces, expected } = added(sizes, every);
    assertEquals([...concat(pieces)], expected);
  }
});

Deno.test("small pieces that wait share buffers: their memory is in proportion to their bytes", () => {
  const { pieces } = added(Array(100_000).fill(1));
  assertLess(pieces.length, 20);
  const buffers = new Set(pieces.map(({ buffer }) => buffer));
  assertLess([...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0), 120_000);
});
