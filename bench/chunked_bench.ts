/** Decoding chunked bodies. */
import { ChunkedDecoder } from "../src/http/chunked_decoder.ts";
import { bad } from "../src/upstream/response_head.ts";

const KIB = 1024;

/** A chunked body of `total` bytes in chunks of one size. */
function chunked(total: number, chunk: number): Uint8Array {
  const parts: string[] = [];
  for (let left = total; left > 0; left -= chunk) {
    const size = Math.min(left, chunk);
    parts.push(`${size.toString(16)}\r\n${"x".repeat(size)}\r\n`);
  }
  return new TextEncoder().encode(`${parts.join("")}0\r\n\r\n`);
}

/** Decodes a body that comes in reads of one size; what could not be decoded yet is looked at again with the next. */
function decode(body: Uint8Array, read: number): void {
  const decoder = new ChunkedDecoder(bad);
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (let end = Math.min(read, body.length); !decoder.ended; end = Math.min(end + read, body.length)) {
    start = decoder.decode(body, start, end, pieces);
  }
}

const BODIES: [name: string, body: Uint8Array][] = [
  ["12 bytes, one chunk", chunked(12, 12)],
  ["64 KiB, chunks of 16 KiB", chunked(64 * KIB, 16 * KIB)],
  ["64 KiB, chunks of 1 KiB", chunked(64 * KIB, KIB)],
  ["64 KiB, chunks of 16 bytes", chunked(64 * KIB, 16)],
];

for (const [i, [name, body]] of BODIES.entries()) {
  Deno.bench({ name, group: "chunked, in one read", baseline: i === 0, fn: () => decode(body, body.length) });
}

const body = BODIES[2]![1];
for (const read of [16 * KIB, 1460, 100]) {
  Deno.bench({
    name: `64 KiB, chunks of 1 KiB, reads of ${read} bytes`,
    group: "chunked, in pieces",
    baseline: read === 16 * KIB,
    fn: () => decode(body, read),
  });
}
