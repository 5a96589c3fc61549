/**
 * Long uploads in small and in odd pieces, which arrive as they were and come back as they were.
 *
 * Of 8 MiB, one byte a piece would take minutes: a chunk costs `Deno.serve` alone 30 us and more, a write the client 2.
 * So there are 256 KiB with one byte a write, 16 KiB with one byte a chunk, and 8 MiB in pieces of other sizes.
 */
import { assert, assertEquals } from "@std/assert";
import { concat } from "../../src/http/body.ts";
import { httpOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { Random } from "../support/random.ts";
import { within } from "../support/wire.ts";

const FRAMINGS = ["length", "chunked"] as const;
type Framing = typeof FRAMINGS[number];

const KIB = 1024;
/** Sizes of pieces, in turns: about powers of two, and primes. */
const ODD = [1, 4_095, 3, 65_537, 16_383, 7, 131_071, 32_769, 997];
/** Not the usual spelling of the type: a proxy that reads bodies would trip over it. */
const HEAD =
  "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json ; charset=utf-8\r\n";

const UPLOADS: [what: string, size: number, pieces: number[], framings: readonly Framing[]][] = [
  ["256 KiB, one byte a write", 256 * KIB, [1], ["length"]],
  ["16 KiB, one byte a chunk", 16 * KIB, [1], ["chunked"]],
  ["8 MiB in pieces of 64 KiB", 8192 * KIB, [64 * KIB], FRAMINGS],
  ["8 MiB in pieces of odd sizes", 8192 * KIB, ODD, FRAMINGS],
  ["15 MB at once", 15_000_000, [15_000_000], FRAMINGS],
];

for (const [what, size, sizes, framings] of UPLOADS) {
  for (const framing of framings) {
    Deno.test(`an upload arrives byte for byte, and its echo does: ${what}, ${framing}`, async () => {
      const body = noise(size);
      const got: { body: Uint8Array; fields: Headers }[] = [];
      await using origin = httpOrigin(async (request) => {
        const body = await request.bytes();
        got.push({ body, fields: request.headers });
        return new Response(body);
      });
      await using proxy = testProxy(origin.address);
      const lines = framing === "length" ? `Content-Length: ${size}` : "Transfer-Encoding: chunked";
      const sent = [encode(`${HEAD}${lines}\r\n\r\n`), ...pieces(body, sizes, framing)];
      const answer = await within(say(proxy.address, sent), "the end of the answer", 60_000);
      assertEquals(got.length, 1);
      assert(equal(got[0]!.body, body), "the origin has other bytes than the client sent");
      assert(equal(answer.subarray(-size), body), "the client has other bytes than the origin sent");
      const { fields } = got[0]!;
      assertEquals(fields.get("content-type"), "application/json ; charset=utf-8");
      assertEquals(
        [fields.get("content-length"), fields.get("transfer-encoding")],
        framing === "length" ? [String(size), null] : [null, "chunked"],
      );
      const { status, bytesReceived, bytesSent, flag } = await proxy.ended(1);
      assertEquals([status, bytesReceived, bytesSent, flag], [200, size, size, "-"]);
    });
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes of every value, without a pattern. */
function noise(length: number): Uint8Array {
  const random = new Random(length);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random.below(256);
  return bytes;
}

/** The body in pieces of these sizes, in turns; chunked, each is a chunk. */
function* pieces(body: Uint8Array, sizes: readonly number[], framing: Framing): Generator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < body.length; i++) {
    const piece = body.subarray(at, at += sizes[i % sizes.length]!);
    if (framing === "length") yield piece;
    else yield* [encode(`${piece.length.toString(16)}\r\n`), piece, encode("\r\n")];
  }
  if (framing === "chunked") yield encode("0\r\n\r\n");
}

/** Writes each piece by itself, and reads up to the end. */
async function say(address: string, sent: Iterable<Uint8Array>): Promise<Uint8Array> {
  const [hostname, port] = address.split(":") as [string, string];
  using conn = await Deno.connect({ hostname, port: Number(port) });
  const writing = (async () => {
    for (const piece of sent) for (let at = 0; at < piece.length;) at += await conn.write(piece.subarray(at));
  })();
  const answer: Uint8Array[] = [];
  const buffer = new Uint8Array(64 * KIB);
  for (let n; (n = await conn.read(buffer)) !== null;) answer.push(buffer.slice(0, n));
  await writing;
  return concat(answer);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
