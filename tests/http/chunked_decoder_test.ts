import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { concat } from "../../src/http/body.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { ChunkedDecoder } from "../../src/http/chunked_decoder.ts";
import { bad } from "../../src/upstream/response_head.ts";
import { latin1 } from "../support/origin.ts";

interface Result {
  /** The decoded data, as latin-1. */
  data: string;
  /** Whether the body is over. */
  ended: boolean;
  /** Bytes behind its end, or not yet decoded. */
  rest: string;
}

/** Decodes as an exchange does: what was not decoded is offered again, with more behind it. */
function decode(text: string, cuts: readonly number[] = []): Result {
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  const decoder = new ChunkedDecoder(bad);
  const data: Uint8Array[] = [];
  let at = 0;
  for (const end of [...cuts, bytes.length]) {
    const pieces: Uint8Array[] = [];
    at = decoder.decode(bytes, at, end, pieces);
    data.push(...pieces.map((piece) => piece.slice()));
  }
  return { data: latin1(concat(data)), ended: decoder.ended, rest: text.slice(at) };
}

const everyByte = (text: string) => Array.from({ length: text.length }, (_, i) => i);

const accepted: [name: string, text: string, data: string][] = [
  ["one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"],
  ["several chunks", "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", "abcdef"],
  ["no chunk", "0\r\n\r\n", ""],
  ["a last chunk of several zeros", "1\r\na\r\n000\r\n\r\n", "a"],
  ["lower-case hexadecimal", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789"],
  ["upper-case hexadecimal", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"],
  ["leading zeros", "0000000000001\r\na\r\n0\r\n\r\n", "a"],
  ["line ends and chunk heads as data", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"],
  [
    "all bytes",
    `100\r\n${latin1(Uint8Array.from({ length: 256 }, (_, i) => i))}\r\n0\r\n\r\n`,
    latin1(Uint8Array.from({ length: 256 }, (_, i) => i)),
  ],
  ["extensions", '1;a\r\nx\r\n1;a=b;c="d;e"\r\ny\r\n0;last\r\n\r\n', "xy"],
  ["white space around an extension", "1 \t; a = b \r\nx\r\n0 ; c\r\n\r\n", "x"],
  ["white space behind a size", "1 \r\nx\r\n0\t\r\n\r\n", "x"],
  ["obs-text in an extension", '1;a="\xe9\\""\r\nx\r\n0\r\n\r\n', "x"],
  ["a size line as long as is allowed", `1;${"e".repeat(4096 - 3)}\r\nx\r\n0\r\n\r\n`, "x"],
  ["trailers, which are dropped", "1\r\nx\r\n0\r\nA: b\r\nc:\r\nx-e: \xe9\t\r\n\r\n", "x"],
  ["many trailers", `1\r\nx\r\n0\r\n${"abcdef: 12345678\r\n".repeat(900)}\r\n`, "x"],
];

for (const [name, text, data] of accepted) {
  Deno.test(`a chunked body is decoded: ${name}`, () => {
    assertEquals(decode(text), { data, ended: true, rest: "" });
    assertEquals(decode(`${text}HTTP/1.1 `), { data, ended: true, rest: "HTTP/1.1 " }, "more behind its end");
    assertEquals(decode(text.slice(0, -1)).ended, false, "its last byte is still to come");
  });
}

Deno.test("how a chunked body is split never changes what it decodes to", () => {
  for (const [name, text, data] of accepted) {
    const expected = { data, ended: true, rest: "" };
    assertEquals(decode(text, everyByte(text)), expected, `${name}, byte by byte`);
    const step = Math.ceil(text.length / 400);
    for (let cut = 0; cut < text.length; cut += step) {
      assertEquals(decode(text, [cut]), expected, `${name}, split at ${cut}`);
    }
  }
});

Deno.test("a chunked body is not over before its last line is", () => {
  const text = "5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (let end = 0; end < text.length; end++) {
    assertEquals(
      decode(text.slice(0, end), everyByte(text.slice(0, end))).ended,
      false,
      `after ${end} bytes`,
    );
  }
});

Deno.test("bytes behind the end of what was received are not decoded", () => {
  const bytes = new TextEncoder().encode("5\r\nhello\r\n0\r\n\r\n");
  const pieces: Uint8Array[] = [];
  const decoder = new ChunkedDecoder(bad);
  assertEquals(decoder.decode(bytes, 0, 1, pieces), 0);
  assertEquals(decoder.decode(bytes, 0, 5, pieces), 5);
  assertEquals([latin1(concat(pieces)), decoder.inChunk, decoder.ended], ["he", 3, false]);
});

Deno.test("bytes of a chunk that go past the decoder count", () => {
  const text = "5\r\nhello\r\n0\r\n\r\n";
  const bytes = new TextEncoder().encode(text);
  const decoder = new ChunkedDecoder(bad);
  assertEquals(decoder.decode(bytes, 0, 3, []), 3);
  assertEquals(decoder.inChunk, 5);
  decoder.skip(2);
  assertEquals(decoder.inChunk, 3);
  decoder.skip(3);
  assertEquals([decoder.inChunk, decoder.ended], [0, false]);
  assertEquals(decoder.decode(bytes, 8, bytes.length, []), bytes.length);
  assertEquals(decoder.ended, true);
});

const malformed: [name: string, text: string][] = [
  ["no size", "\r\nhello\r\n0\r\n\r\n"],
  ["an extension without size", ";a=b\r\nhello\r\n0\r\n\r\n"],
  ["a negative size", "-5\r\nhello\r\n0\r\n\r\n"],
  ["a size with a plus", "+5\r\nhello\r\n0\r\n\r\n"],
  ["a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"],
  ["a size that is not hexadecimal", "5g\r\nhello\r\n0\r\n\r\n"],
  ["a size with an underscore", "1_0\r\nhello\r\n0\r\n\r\n"],
  ["a size with a fraction", "5.0\r\nhello\r\n0\r\n\r\n"],
  ["a size with a comma", "5,5\r\nhello\r\n0\r\n\r\n"],
  ["two sizes", "5 5\r\nhello\r\n0\r\n\r\n"],
  ["white space before a size", " 5\r\nhello\r\n0\r\n\r\n"],
  ["a size of 14 digits", "00000000000005\r\nhello\r\n0\r\n\r\n"],
  ["a size beyond 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
  ["a bare LF behind a size", "5\nhello\r\n0\r\n\r\n"],
  ["a bare LF instead of a size", "\nhello\r\n0\r\n\r\n"],
  ["a bare LF behind an extension", "5;a\nhello\r\n0\r\n\r\n"],
  ["a bare CR in a size line", "5\r;a\r\nhello\r\n0\r\n\r\n"],
  ["two CR behind a size", "5\r\r\nhello\r\n0\r\n\r\n"],
  ["NUL in an extension", "5;a=\0\r\nhello\r\n0\r\n\r\n"],
  ["a control character in an extension", "5;a=\x07\r\nhello\r\n0\r\n\r\n"],
  ["a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
  ["a bare LF behind a chunk", "5\r\nhello\n0\r\n\r\n"],
  ["a bare CR behind a chunk", "5\r\nhello\r0\r\n\r\n"],
  ["a bare CR and another byte behind a chunk", "5\r\nhello\rX0\r\n\r\n"],
  ["nothing behind a chunk", "5\r\nhello0\r\n\r\n"],
  ["two line ends behind a chunk", "5\r\nhello\r\n\r\n0\r\n\r\n"],
  ["a chunk longer than its size", "4\r\nhello\r\n0\r\n\r\n"],
  ["a chunk shorter than its size", "6\r\nhello\r\n0\r\n\r\n"],
  ["a bare LF behind the last chunk", "0\n\r\n"],
  ["a bare LF as the last line", "0\r\n\n"],
  ["a bare LF behind a trailer", "0\r\na: b\n\r\n"],
  ["a trailer without colon", "0\r\nnothing\r\n\r\n"],
  ["a trailer without name", "0\r\n: b\r\n\r\n"],
  ["a space before the colon of a trailer", "0\r\na : b\r\n\r\n"],
  ["a folded trailer", "0\r\na: b\r\n c\r\n\r\n"],
  ["NUL in a trailer", "0\r\na: \0\r\n\r\n"],
  ["a response instead of a trailer", "0\r\nHTTP/1.1 200 OK\r\n\r\n"],
  ["a size line one byte too long", `1;${"e".repeat(4096 - 2)}\r\nx\r\n0\r\n\r\n`],
  ["a size line without end", `1;${"e".repeat(5000)}`],
  ["a size without end", "0".repeat(5000)],
  ["a trailer without end", `0\r\na: ${"b".repeat(17_000)}`],
  ["trailers without end", `0\r\n${"a: b\r\n".repeat(3000)}`],
];

for (const [name, text] of malformed) {
  Deno.test(`a malformed chunked body is refused however it is split: ${name}`, () => {
    const cut = Math.floor(text.length / 2);
    for (const cuts of [[], everyByte(text), [cut], [text.length - 1]]) {
      const error = assertThrows(() => decode(text, cuts));
      assertInstanceOf(error, ProxyError);
      assertEquals([error.type, error.status], ["bad_response", 502]);
    }
  });
}

Deno.test("a trailer's value loses the tabs and spaces around it, and no byte of itself", () => {
  const decoder = new ChunkedDecoder(bad);
  const bytes = Uint8Array.from("0\r\na: \t\xa0b\xa0 \t\r\n\r\n", (c) => c.charCodeAt(0));
  decoder.decode(bytes, 0, bytes.length, []);
  assertEquals(decoder.trailers?.lines, ["a", "\xa0b\xa0"]);
});
