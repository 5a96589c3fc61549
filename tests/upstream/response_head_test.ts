import { assertEquals } from "@std/assert";
import { CHUNKED, UNTIL_CLOSE } from "../../src/http/body_reading.ts";
import { findHeadEnd, MAX_FIELDS, MAX_HEAD, type ResponseHead } from "../../src/upstream/response_head.ts";
import { headText, OK, readHead } from "../support/head.ts";

const accepted: { name: string; text: string; expected: Partial<ResponseHead>; lines?: string[] }[] = [
  {
    name: "no fields",
    text: headText(OK),
    expected: { status: 200, bodyLength: UNTIL_CLOSE, keepAlive: true },
  },
  { name: "an empty reason phrase", text: headText("HTTP/1.1 404 "), expected: { status: 404 } },
  { name: "no reason phrase and no space", text: headText("HTTP/1.1 299"), expected: { status: 299 } },
  { name: "a reason phrase of obs-text", text: headText("HTTP/1.1 200 \xfc\t!"), expected: { status: 200 } },
  { name: "the lowest status", text: headText("HTTP/1.1 100 Continue"), expected: { status: 100 } },
  { name: "the highest status", text: headText("HTTP/1.1 599 Odd"), expected: { status: 599 } },
  { name: "an empty value", text: headText(OK, "a:", "b: \t "), expected: {}, lines: ["a", "", "b", ""] },
  {
    name: "white space around a value",
    text: headText(OK, "a:\t x  y \t"),
    expected: {},
    lines: ["a", "x  y"],
  },
  { name: "a value without white space", text: headText(OK, "a:b:c"), expected: {}, lines: ["a", "b:c"] },
  {
    name: "obs-text as latin-1",
    text: headText(OK, "a: caf\xe9\xff\x80"),
    expected: {},
    lines: ["a", "caf\xe9\xff\x80"],
  },
  {
    name: "every token character",
    text: headText(OK, "!#$%&'*+-.^_`|~09aZ: 1"),
    expected: {},
    lines: ["!#$%&'*+-.^_`|~09aZ", "1"],
  },
  {
    name: "names as spelled, in order, each line by itself",
    text: headText(OK, "Set-Cookie: a", "B: b", "set-cookie: c"),
    expected: {},
    lines: ["Set-Cookie", "a", "B", "b", "set-cookie", "c"],
  },
  {
    name: "a content-length, which stays in the list",
    text: headText(OK, "Content-Length: 42"),
    expected: { bodyLength: 42 },
    lines: ["Content-Length", "42"],
  },
  { name: "content-length 0", text: headText(OK, "content-length:0"), expected: { bodyLength: 0 } },
  {
    name: "a content-length of 15 digits",
    text: headText(OK, "content-length: 000000000000007"),
    expected: { bodyLength: 7 },
  },
  {
    name: "chunked, in any case",
    text: headText(OK, "Transfer-Encoding: CHUNKED "),
    expected: { bodyLength: CHUNKED },
    lines: [],
  },
  {
    name: "connection: close",
    text: headText(OK, "Connection: Close"),
    expected: { keepAlive: false },
    lines: [],
  },
  {
    name: "close in a list, on a second line",
    text: headText(OK, "connection: x", "connection: y, CLOSE"),
    expected: { keepAlive: false },
    lines: [],
  },
  { name: "HTTP/1.0, which closes", text: headText("HTTP/1.0 200 OK"), expected: { keepAlive: false } },
  {
    name: "HTTP/1.0 with keep-alive",
    text: headText("HTTP/1.0 200 OK", "Connection: Keep-Alive"),
    expected: { keepAlive: true },
  },
  {
    name: "HTTP/1.0 with keep-alive and close",
    text: headText("HTTP/1.0 200 OK", "Connection: keep-alive, close"),
    expected: { keepAlive: false },
  },
  {
    name: "no time of keep-alive",
    text: headText(OK, "Keep-Alive: max=5"),
    expected: { keepAliveFor: Infinity },
    lines: [],
  },
  {
    name: "a time of keep-alive",
    text: headText(OK, "Keep-Alive: max=5, Timeout=7"),
    expected: { keepAliveFor: 7000 },
    lines: [],
  },
  {
    name: "a time of keep-alive of zero",
    text: headText(OK, "keep-alive: timeout=0"),
    expected: { keepAliveFor: 0 },
  },
  {
    name: "hop-by-hop fields, which are taken out",
    text: headText(
      OK,
      "a: 1",
      "TE: x",
      "Upgrade: h2c",
      "Proxy-Connection: close",
      "Proxy-Authenticate: x",
      "Keep-Alive: x",
      "b: 2",
    ),
    expected: { keepAlive: true },
    lines: ["a", "1", "b", "2"],
  },
  {
    name: "fields named by connection, which are taken out whatever their place and spelling",
    text: headText(
      OK,
      "x-Hop: 1",
      "a: 1",
      "Connection: keep-alive, X-HOP ,x-later",
      "X-Later: 2",
      "x-hop: 3",
    ),
    expected: { keepAlive: true },
    lines: ["a", "1"],
  },
  {
    name: "as many fields as are allowed",
    text: headText(OK, ...Array.from({ length: MAX_FIELDS }, (_, i) => `a: ${i}`)),
    expected: { status: 200 },
  },
  {
    name: "a head as large as is allowed, with obs-text",
    text: headText(OK, `a: \xe9${"x".repeat(MAX_HEAD - OK.length - 2 - 4 - 4)}`),
    expected: { status: 200 },
  },
];

for (const { name, text, expected, lines } of accepted) {
  Deno.test(`a response's head is read: ${name}`, () => {
    const found = readHead(text)!;
    for (const [key, value] of Object.entries(expected)) {
      assertEquals(found[key as keyof ResponseHead], value, key);
    }
    if (lines !== undefined) assertEquals(found.headers.lines, lines);
  });
}

Deno.test("a head is looked for from where the last look ended, and never ends too early", () => {
  const text = headText("HTTP/1.1 200 OK", "a: b", "content-length: 3") + "abc";
  const bytes = new TextEncoder().encode(text);
  const expected = text.length - 3;
  let from = 0;
  for (let end = 1; end <= text.length; end++) {
    const found = findHeadEnd(bytes, 0, from, end);
    if (end < expected) assertEquals(found < 0, true, `after ${end} bytes`);
    else assertEquals(found, expected, `after ${end} bytes`);
    if (found < 0) {
      from = -1 - found;
      assertEquals(from <= end, true, `goes on at ${from} of ${end}`);
    }
  }
});

Deno.test("bytes behind the end of what was received are not taken for a head", () => {
  const bytes = new TextEncoder().encode(headText(OK, "a: b"));
  for (let end = 0; end < bytes.length; end++) {
    assertEquals(findHeadEnd(bytes, 0, 0, end) < 0, true, `${end}`);
  }
});
