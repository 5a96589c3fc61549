import { assertEquals, assertThrows } from "@std/assert";
import { HpackDecoder, HpackError, MALFORMED } from "../../src/http/hpack/decoder.ts";
import { encodeBlock } from "../../src/http/hpack/encoder.ts";
import { huffmanDecoded } from "../../src/http/hpack/huffman.ts";

const LIMITS = { maxHead: 10_000, maxFields: 100 };

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

function pairs(lines: readonly string[]): string[] {
  return lines.flatMap((name, i) => i % 2 === 0 ? [`${name}: ${lines[i + 1]}`] : []);
}

Deno.test("HPACK: the requests of RFC 7541, appendix C.4, one after the other on a connection", () => {
  const decoder = new HpackDecoder();
  const read = (hex: string) => pairs(decoder.decode(bytes(hex), LIMITS).lines);
  const first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
  assertEquals(read("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"), first);
  assertEquals(read("8286 84be 5886 a8eb 1064 9cbf"), [...first, "cache-control: no-cache"]);
  assertEquals(read("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"), [
    ":method: GET",
    ":scheme: https",
    ":path: /index.html",
    ":authority: www.example.com",
    "custom-key: custom-value",
  ]);
});

Deno.test("HPACK: what is pushed out of the table is gone, and a table of no size holds nothing", () => {
  const decoder = new HpackDecoder();
  // A table of 80 bytes has room for two of 34.
  decoder.decode(bytes("3f31 4001 6101 31 4001 6101 32 4001 6101 33"), LIMITS);
  assertEquals(pairs(decoder.decode(bytes("be bf"), LIMITS).lines), ["a: 3", "a: 2"]);
  assertThrows(() => decoder.decode(bytes("c0"), LIMITS), HpackError);
  decoder.decode(bytes("20"), LIMITS);
  assertThrows(() => decoder.decode(bytes("be"), LIMITS), HpackError);
});

Deno.test("HPACK: the table's size is said ahead of the fields alone", () => {
  assertThrows(() => new HpackDecoder().decode(bytes("82 20"), LIMITS), HpackError);
});

Deno.test("HPACK: what is too large is left out, and the table is kept all the same", () => {
  const decoder = new HpackDecoder();
  const { lines, isTooLarge } = decoder.decode(bytes("4001 6101 31 4001 6201 32"), {
    maxHead: 3,
    maxFields: 9,
  });
  assertEquals([lines, isTooLarge], [["a", "1"], true]);
  assertEquals(pairs(decoder.decode(bytes("be"), LIMITS).lines), ["b: 2"]);
  assertEquals(decoder.decode(bytes("be be"), { maxHead: 9, maxFields: 1 }).isTooLarge, true);
});

Deno.test("HPACK: a malformed field is known as such whenever it is referred to", () => {
  const decoder = new HpackDecoder();
  assertEquals(decoder.decode(bytes("4001 4101 31"), LIMITS).lines, [MALFORMED, "1"]);
  assertEquals(decoder.decode(bytes("be 7e 01 32"), LIMITS).lines, [MALFORMED, "1", MALFORMED, "2"]);
});

Deno.test("HPACK: a string ends with up to seven bits of 1, and nothing else", () => {
  // "a" is 00011, "0" is 00000.
  const read = (hex: string) => huffmanDecoded(bytes(hex), 0, hex.length / 2);
  assertEquals(read("1f"), "a");
  assertEquals(read("1fff"), undefined);
  assertEquals(read("18"), undefined);
  assertEquals(read("3fffffff"), undefined);
  assertEquals(read("ffffffff"), undefined);
  assertEquals(read(""), "");
});

Deno.test("HPACK: what is written is read again, numbers and strings of any length", () => {
  const lines = [
    ":status",
    "200",
    ":status",
    "418",
    "content-type",
    "text/plain",
    "set-cookie",
    "a=b",
    "x-own",
    "",
  ];
  for (const length of [126, 127, 128, 254, 255, 16_510, 40_000]) lines.push("x-long", "\xe9".repeat(length));
  const read = new HpackDecoder().decode(encodeBlock(lines), { maxHead: 100_000, maxFields: 100 });
  assertEquals(read.lines, lines);
});
