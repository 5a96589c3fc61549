import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/http/errors.ts";
import { MAX_FIELDS, MAX_HEAD } from "../../src/upstream/response_head.ts";
import { headText, OK, readHead } from "../support/head.ts";

const malformed: [name: string, text: string][] = [
  ["no HTTP at all", "SSH-2.0-OpenSSH_9\r\n"],
  ["an empty first line", `\r\n${headText(OK)}`],
  ["a bare LF at the beginning", `\n${headText(OK)}`],
  ["lower-case http", headText("http/1.1 200 OK")],
  ["HTTP/2.0", headText("HTTP/2.0 200 OK")],
  ["HTTP/1.2", headText("HTTP/1.2 200 OK")],
  ["HTTP/1.", headText("HTTP/1. 200 OK")],
  ["HTTP/1.10", headText("HTTP/1.10 200 OK")],
  ["HTTP/0.9", headText("HTTP/0.9 200 OK")],
  ["a space before the version", headText(" HTTP/1.1 200 OK")],
  ["two spaces before the status", headText("HTTP/1.1  200 OK")],
  ["a tab before the status", headText("HTTP/1.1\t200 OK")],
  ["a tab behind the status", headText("HTTP/1.1 200\tOK")],
  ["no status", headText("HTTP/1.1")],
  ["an empty status", headText("HTTP/1.1 ")],
  ["status 20", headText("HTTP/1.1 20 OK")],
  ["status 20 at the line's end", headText("HTTP/1.1 20")],
  ["status 2000", headText("HTTP/1.1 2000 OK")],
  ["status 099", headText("HTTP/1.1 099 OK")],
  ["status 000", headText("HTTP/1.1 000 OK")],
  ["status -20", headText("HTTP/1.1 -20 OK")],
  ["status 2x0", headText("HTTP/1.1 2x0 OK")],
  ["status 200OK", headText("HTTP/1.1 200OK")],
  ["NUL in the reason phrase", headText("HTTP/1.1 200 O\0K")],
  ["a bare LF behind the status line", "HTTP/1.1 200 OK\na: b\r\n\r\n"],
  ["a bare LF behind a field", "HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n"],
  ["a bare LF as the empty line", "HTTP/1.1 200 OK\r\na: b\r\n\n"],
  ["bare LF throughout", "HTTP/1.1 200 OK\na: b\n\n"],
  ["a bare CR behind the status line", "HTTP/1.1 200 OK\ra: b\r\n\r\n"],
  ["a bare CR in a value", headText(OK, "a: b\rc: d")],
  ["a bare CR in a name", headText(OK, "a\rb: c")],
  ["a bare CR at the beginning of a line", headText(OK, "\ra: b")],
  ["two CR behind a value", headText(OK, "a: b\r")],
  ["two CR behind the fields", "HTTP/1.1 200 OK\r\na: b\r\n\r\r\n\r\n"],
  ["a folded line", headText(OK, "a: b", " c")],
  ["a line folded by a tab", headText(OK, "a: b", "\tc: d")],
  ["a folded first line", headText(OK, " a: b")],
  ["NUL in a value", headText(OK, "a: b\0c")],
  ["NUL in a name", headText(OK, "a\0: b")],
  ["BEL in a value", headText(OK, "a: \x07")],
  ["vertical tab before a value", headText(OK, "a:\x0bb")],
  ["ESC in a value", headText(OK, "a: \x1b[2J")],
  ["DEL in a value", headText(OK, "a: b\x7f")],
  ["a space before the colon", headText(OK, "a : b")],
  ["a tab before the colon", headText(OK, "content-length\t: 5")],
  ["a space in a name", headText(OK, "a b: c")],
  ["obs-text in a name", headText(OK, "caf\xe9: c")],
  ["a separator in a name", headText(OK, "a(b): c")],
  ["no colon", headText(OK, "nothing")],
  ["no colon in the last field", headText(OK, "a: b", "nothing")],
  ["an empty name", headText(OK, ": b")],
  ["two equal content-lengths", headText(OK, "content-length: 5", "content-length: 5")],
  ["two different content-lengths", headText(OK, "content-length: 5", "a: b", "Content-Length: 6")],
  ["an empty content-length beside a good one", headText(OK, "content-length:", "content-length: 6")],
  ...[
    "5, 5",
    "5,6",
    "5 5",
    "+5",
    "-1",
    "-0",
    "0x5",
    "",
    "1e3",
    "5.0",
    "5;",
    "\xb2",
    "1".repeat(16),
    "9".repeat(400),
  ]
    .map((value): [string, string] => [
      `content-length ${JSON.stringify(value.slice(0, 20))} of ${value.length}`,
      headText(OK, `content-length: ${value}`),
    ]),
  [
    "transfer-encoding before content-length",
    headText(OK, "transfer-encoding: chunked", "content-length: 5"),
  ],
  [
    "content-length before transfer-encoding",
    headText(OK, "content-length: 5", "transfer-encoding: chunked"),
  ],
  [
    "an unknown transfer-encoding beside content-length",
    headText(OK, "content-length: 5", "transfer-encoding: x"),
  ],
  ...[
    "x, chunked",
    "chunked, chunked",
    "chunked, x",
    "gzip",
    "gzip, chunked",
    "identity",
    "chunked;a=b",
    "chunked,",
    ",chunked",
    "",
    '"chunked"',
    "\x80chunked",
    "chunk\xe9d",
    "xchunked",
  ]
    .map((value): [string, string] => [
      `transfer-encoding ${JSON.stringify(value)}`,
      headText(OK, `transfer-encoding: ${value}`),
    ]),
  ["chunked on two lines", headText(OK, "transfer-encoding: chunked", "Transfer-Encoding: chunked")],
  ["gzip and chunked on two lines", headText(OK, "transfer-encoding: gzip", "transfer-encoding: chunked")],
  [
    "an empty transfer-encoding and chunked",
    headText(OK, "transfer-encoding:", "transfer-encoding: chunked"),
  ],
  ["transfer-encoding in HTTP/1.0", headText("HTTP/1.0 200 OK", "transfer-encoding: chunked")],
  ["one field too many", headText(OK, ...Array.from({ length: MAX_FIELDS + 1 }, (_, i) => `a: ${i}`))],
  ["one hop-by-hop field too many", headText(OK, ...Array.from({ length: MAX_FIELDS + 1 }, () => "te: x"))],
  ["a head one byte too large", headText(OK, `a: ${"x".repeat(MAX_HEAD + 1 - OK.length - 2 - 3 - 4)}`)],
  ["a line without end", `${OK}\r\na: ${"x".repeat(MAX_HEAD)}`],
];

for (const [name, text] of malformed) {
  Deno.test(`a malformed response's head is refused: ${name}`, () => {
    for (const firstPart of [text.length, 1, 9, text.length - 1]) {
      // An exchange never has more than MAX_HEAD bytes at hand.
      const error = assertThrows(() => readHead(text.slice(0, MAX_HEAD), Math.min(firstPart, MAX_HEAD)));
      assertInstanceOf(error, ProxyError);
      assertEquals([error.type, error.status], ["bad_response", 502]);
    }
  });
}
