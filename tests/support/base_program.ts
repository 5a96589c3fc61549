/**
 * Base binaries for `deno compile`, which would download its own: programs of each kind that are as small as can be.
 *
 * @module
 */

/** An ELF program for x86_64 Linux that ends with exit code 7. */
export function elfProgram(): Uint8Array<ArrayBuffer> {
  const code = [0xb8, 60, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05]; // mov eax, 60; mov edi, 7; syscall
  const file = new Writer(120 + code.length);
  const start = 0x400000;
  file.bytes(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  file.u16(2, 0x3e).u32(1).u64(start + 120, 64, 0).u32(0).u16(64, 56, 1, 64, 0, 0);
  file.u32(1, 5).u64(0, start, start, 120 + code.length, 120 + code.length, 0x1000);
  file.bytes(...code);
  return file.data;
}

/** The processors of a Mac. */
export const CPU = { "aarch64-apple-darwin": 0x0100000c, "x86_64-apple-darwin": 0x01000007 } as const;

/** A Mach-O file that has the parts that `deno compile` moves, and no code. */
export function machoProgram(cpu: number): Uint8Array<ArrayBuffer> {
  const page = 0x4000;
  const file = new Writer(2 * page);
  const segment = (name: string, address: number, offset: number) =>
    file.u32(0x19, 72).name(name).u64(address, page, offset, page).u32(5, 5, 0, 0);
  file.u32(0xfeedfacf, cpu, 0, 2, 4, 72 + 72 + 24 + 16, 0, 0);
  segment("__TEXT", 0x100000000, 0);
  segment("__LINKEDIT", 0x100000000 + page, page);
  file.u32(2, 24, page, 0, page, 0); // the symbol table, empty
  file.u32(0x1d, 16, page + 64, page - 64); // the place of the signature
  return file.data;
}

/** Writes numbers in little-endian order, one after another. */
class Writer {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.data = new Uint8Array(size);
    this.#view = new DataView(this.data.buffer);
  }

  bytes(...values: number[]): this {
    for (const value of values) this.#view.setUint8(this.#at++, value);
    return this;
  }

  u16(...values: number[]): this {
    for (const value of values) this.#view.setUint16(this.#at, value, true), this.#at += 2;
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) this.#view.setUint32(this.#at, value, true), this.#at += 4;
    return this;
  }

  u64(...values: number[]): this {
    for (const value of values) this.#view.setBigUint64(this.#at, BigInt(value), true), this.#at += 8;
    return this;
  }

  name(text: string): this {
    return this.bytes(...Array.from({ length: 16 }, (_, i) => text.charCodeAt(i) || 0));
  }
}
