/**
 * Reading header blocks of HPACK, RFC 7541.
 *
 * @module
 */
import { byteString } from "../bytes.ts";
import { huffmanDecoded } from "./huffman.ts";
import { STATIC_FIELDS } from "./static_table.ts";

/** The largest dynamic table: what is used when nothing else is agreed on, in bytes. */
export const TABLE_SIZE = 4096;
/** What a field counts for beside its letters, RFC 7541 section 4.1. */
const OVERHEAD = 32;
/** Stands for a name that is malformed or has a malformed value: no name has a space. */
export const MALFORMED = " ";

/** A name of HTTP/2, or that of a pseudo-field. */
const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
// deno-lint-ignore no-control-regex
const BAD_VALUE = /[\x00-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/;

/** What a header block holds at most; it is read to its end all the same, as the next one builds on it. */
export interface BlockLimits {
  /** Bytes of all names and values. */
  maxHead: number;
  /** Fields. */
  maxFields: number;
}

/** What a header block held. */
export interface HeaderBlock {
  /** Names and values in turns, {@linkcode MALFORMED} as the name of a field that must not be. */
  lines: string[];
  /** Whether there was more than the limits allow. */
  isTooLarge: boolean;
}

/** A header block that cannot be read: the connection cannot go on. */
export class HpackError extends Error {}

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly size: number;
}

const KNOWN: readonly Entry[] = STATIC_FIELDS.map(([name, value]) => ({
  name,
  value,
  size: name.length + value.length + OVERHEAD,
}));

/** Reads the header blocks of a connection, one after the other. */
export class HpackDecoder {
  /** The newest last; the oldest that is still in the table is at `#first`. */
  #table: Entry[] = [];
  #first = 0;
  #size = 0;
  #maxSize = TABLE_SIZE;
  #bytes: Uint8Array = new Uint8Array();
  #at = 0;
  #end = 0;

  /**
   * Reads a whole header block.
   *
   * @throws {HpackError} when it is malformed
   */
  decode(bytes: Uint8Array, { maxHead, maxFields }: BlockLimits): HeaderBlock {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = bytes.length;
    const lines: string[] = [];
    let left = maxHead;
    let isTooLarge = false;
    for (let isFirst = true; this.#at < this.#end;) {
      const byte = bytes[this.#at]!;
      if ((byte & 0xe0) === 0x20) {
        // Only ahead of the fields.
        if (!isFirst) throw new HpackError("the table's size changes amid the fields");
        this.#resize(this.#number(5));
        continue;
      }
      isFirst = false;
      const entry = byte >= 0x80 ? this.#entry(this.#number(7)) : this.#literal(byte);
      left -= entry.name.length + entry.value.length;
      if (left < 0 || lines.length >= 2 * maxFields) isTooLarge = true;
      else lines.push(entry.name, entry.value);
    }
    this.#bytes = new Uint8Array();
    return { lines, isTooLarge };
  }

  #literal(byte: number): Entry {
    const isKept = byte >= 0x40;
    const index = this.#number(isKept ? 6 : 4);
    const name = index > 0 ? this.#entry(index).name : this.#string();
    const value = this.#string();
    const size = name.length + value.length + OVERHEAD;
    const isGood = (index > 0 || NAME.test(name)) && !BAD_VALUE.test(value);
    const entry = { name: isGood ? name : MALFORMED, value, size };
    if (isKept) this.#add(entry);
    return entry;
  }

  #entry(index: number): Entry {
    if (index > 0 && index <= KNOWN.length) return KNOWN[index - 1]!;
    const at = this.#table.length - (index - KNOWN.length);
    if (index === 0 || at < this.#first) {
      throw new HpackError("it refers to a field that is not in the table");
    }
    return this.#table[at]!;
  }

  #add(entry: Entry): void {
    this.#makeRoom(this.#maxSize - entry.size);
    // One that is larger than the table empties it and is not kept.
    if (entry.size > this.#maxSize) return;
    this.#table.push(entry);
    this.#size += entry.size;
  }

  #resize(size: number): void {
    if (size > TABLE_SIZE) throw new HpackError("it makes the table larger than was agreed on");
    this.#maxSize = size;
    this.#makeRoom(size);
  }

  #makeRoom(size: number): void {
    while (this.#size > size && this.#first < this.#table.length) {
      this.#size -= this.#table[this.#first++]!.size;
    }
    if (this.#first < 256) return;
    this.#table = this.#table.slice(this.#first);
    this.#first = 0;
  }

  /** A number whose first bits share a byte, RFC 7541 section 5.1. */
  #number(bits: number): number {
    const mask = (1 << bits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new HpackError("it holds a number that is too large");
  }

  #string(): string {
    const isCoded = this.#at < this.#end && this.#bytes[this.#at]! >= 0x80;
    const length = this.#number(7);
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw new HpackError("it ends in the middle of a string");
    if (!isCoded) return byteString(this.#bytes, start, this.#at);
    const text = huffmanDecoded(this.#bytes, start, this.#at);
    if (text === undefined) throw new HpackError("it holds a string that is no Huffman code");
    return text;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new HpackError("it ends in the middle of a field");
    return this.#bytes[this.#at++]!;
  }
}
