/**
 * The Huffman code of HPACK, RFC 7541 section 5.2 and appendix B.
 *
 * @module
 */
import { byteString } from "../bytes.ts";

/** How many bits the code of each byte has, then that of the end of a string: its codes are in the order of these. */
const LENGTHS = `
  13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
  6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10
  13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6
  15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28
  20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
  22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
  26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
  20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26
  30`.trim().split(/\s+/).map(Number);

/** What has been read of a code: a node of the tree, of which there are 256. */
const NODES = 256;
/** Set in a step that ends a code; its byte is in the eight bits above the node. */
const ENDS = 1 << 16;
/** A step that leads nowhere: the end of a string must not be coded. */
const NOWHERE = -1;

/** For each node and the next four bits: the node that they lead to, and the byte that they complete. */
const STEPS = new Int32Array(NODES * 16);
/** 1 for the nodes at which a string may end: fewer than eight bits, all of them 1. */
const IS_PADDING = new Uint8Array(NODES);
build();

function build(): void {
  /** Pairs of what follows a 0 and a 1: a node, or a byte as its complement. */
  const tree: [number, number][] = [[0, 0]];
  let code = 0;
  let bits = 0;
  const order = LENGTHS.map((_, symbol) => symbol).sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b);
  for (const symbol of order) {
    code <<= LENGTHS[symbol]! - bits;
    bits = LENGTHS[symbol]!;
    let node = 0;
    for (let i = bits - 1; i > 0; i--) {
      const bit = (code >> i) & 1;
      if (tree[node]![bit] === 0) tree[node]![bit] = tree.push([0, 0]) - 1;
      node = tree[node]![bit]!;
    }
    tree[node]![code & 1] = ~symbol;
    code++;
  }
  for (let node = 0; node < NODES; node++) {
    for (let nibble = 0; nibble < 16; nibble++) STEPS[node * 16 + nibble] = stepFrom(tree, node, nibble);
  }
  let node = 0;
  for (let i = 0; i < 8; i++) {
    IS_PADDING[node] = 1;
    node = tree[node]![1];
  }
}

function stepFrom(tree: [number, number][], from: number, nibble: number): number {
  let node = from;
  let ended = 0;
  for (let i = 3; i >= 0; i--) {
    node = tree[node]![(nibble >> i) & 1]!;
    if (node >= 0) continue;
    if (~node > 255) return NOWHERE;
    ended = ENDS | ~node << 8;
    node = 0;
  }
  return ended | node;
}

let scratch = new Uint8Array(4096);

/** The byte string that the bytes from `start` to `end` stand for; undefined when they are no code. */
export function huffmanDecoded(bytes: Uint8Array, start: number, end: number): string | undefined {
  // No code is shorter than five bits.
  const most = (end - start) * 8 / 5 + 1;
  if (scratch.length < most) scratch = new Uint8Array(most * 2);
  const out = scratch;
  let n = 0;
  let node = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    for (let shift = 4; shift >= 0; shift -= 4) {
      const step = STEPS[node * 16 + (byte >> shift & 15)]!;
      if (step === NOWHERE) return undefined;
      if ((step & ENDS) !== 0) out[n++] = step >> 8;
      node = step & 255;
    }
  }
  return IS_PADDING[node] === 1 ? byteString(out, 0, n) : undefined;
}
