/**
 * Hashes of texts, for policies that send requests that belong together to the same backend.
 *
 * A character up to U+00FF counts as one byte, as it is one on the wire (see `HeaderList`); any other as two.
 * Neither hash is meant to withstand an attacker: who chooses the keys can choose the backend.
 *
 * @module
 */

/** CRC-32 of every byte, reflected polynomial 0xedb88320. */
export const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** A CRC-32 that goes on from the state `crc`, without the final inversion. */
export function crcUpdate(crc: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    crc = CRC_TABLE[(crc ^ code) & 0xff]! ^ (crc >>> 8);
    if (code > 0xff) crc = CRC_TABLE[(crc ^ (code >>> 8)) & 0xff]! ^ (crc >>> 8);
  }
  return crc;
}

/** The CRC-32 of a text, the same as `ngx_crc32_long`, zlib's and Perl's. */
export function crc32(text: string): number {
  return ~crcUpdate(-1, text) >>> 0;
}

/** A 32-bit hash whose every bit depends on every byte: FNV-1a, finished as MurmurHash3 is. */
export function mixedHash(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    hash = Math.imul(hash ^ (code & 0xff), 0x01000193);
    if (code > 0xff) hash = Math.imul(hash ^ (code >>> 8), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
