import { FRONTS, onBothFronts, SERVE } from "../support/fronts.ts";
import { checkRelayed, CLOSE, type Relayed } from "../support/parts_origin.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const OK_1_0 = "HTTP/1.0 200 OK\r\n";
const HELLO = "Content-Length: 5\r\n\r\nhello";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n`;
const POISON = `${OK}content-length: 6\r\n\r\npoison`;

const cases: Relayed[] = [
  {
    name: "content-length",
    parts: [OK + HELLO],
    body: "hello",
    fields: { "content-length": "5" },
    reused: true,
  },
  {
    name: "content-length 0",
    parts: [`${OK}Content-Length: 0\r\n\r\n`],
    body: "",
    fields: { "content-length": "0" },
    reused: true,
  },
  {
    name: "content-length, in several packets",
    parts: [OK, "Content-Length: 5\r\n\r", "\nhe", "llo"],
    body: "hello",
    reused: true,
  },
  {
    name: "content-length and close",
    parts: [`${OK}Connection: close\r\n${HELLO}`],
    body: "hello",
    reused: false,
  },
  {
    name: "content-length, on a connection that is kept for no time",
    parts: [`${OK}Keep-Alive: timeout=0\r\n${HELLO}`],
    body: "hello",
    reused: false,
  },
  {
    name: "a content-length that connection names as hop-by-hop",
    parts: [`${OK}Connection: content-length\r\n${HELLO}`],
    body: "hello",
    fields: { "content-length": "5" },
    reused: true,
  },
  { name: "chunked", parts: [`${CHUNKED}\r\n5\r\nhello\r\n0\r\n\r\n`], body: "hello", reused: true },
  {
    name: "chunked, in several packets",
    parts: [`${CHUNKED}\r\n5\r\nhe`, "llo\r\n1;x=y\r", "\n!\r\n0\r\n", "\r\n"],
    body: "hello!",
    reused: true,
  },
  { name: "chunked, empty", parts: [`${CHUNKED}\r\n0\r\n\r\n`], body: "", reused: true },
  {
    name: "chunked and close",
    parts: [`${CHUNKED}Connection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
    body: "hello",
    reused: false,
  },
  {
    name: "chunked with trailers",
    parts: [`${CHUNKED}Trailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`],
    body: "hello",
    fields: { "x-sum": null, trailer: null },
    reused: true,
  },
  {
    name: "until the connection closes",
    parts: [`${OK}A: b\r\n\r\nhel`, "lo", CLOSE],
    body: "hello",
    fields: { a: "b", "transfer-encoding": "chunked", "content-length": null },
    reused: false,
  },
  { name: "until the connection closes, empty", parts: [`${OK}\r\n`, CLOSE], body: "", reused: false },
  {
    name: "HTTP/1.0 until the connection closes",
    parts: [`${OK_1_0}\r\nhello`, CLOSE],
    body: "hello",
    reused: false,
  },
  { name: "HTTP/1.0 with content-length", parts: [OK_1_0 + HELLO], body: "hello", reused: false },
  {
    name: "HTTP/1.0 with keep-alive",
    parts: [`${OK_1_0}Connection: keep-alive\r\n${HELLO}`],
    body: "hello",
    reused: true,
  },
  { name: "bytes behind a content-length", parts: [OK + HELLO + POISON], body: "hello", reused: false },
  {
    name: "bytes behind content-length 0",
    parts: [`${OK}Content-Length: 0\r\n\r\n${POISON}`],
    body: "",
    reused: false,
  },
  { name: "a line end behind a content-length", parts: [`${OK + HELLO}\r\n`], body: "hello", reused: false },
  {
    name: "bytes behind a content-length in several packets",
    parts: [`${OK}Content-Length: 5\r\n\r\nhe`, `llo${POISON}`],
    body: "hello",
    reused: false,
  },
  {
    name: "bytes behind the last chunk",
    parts: [`${CHUNKED}\r\n5\r\nhello\r\n0\r\n\r\n${POISON}`],
    body: "hello",
    reused: false,
  },
  {
    name: "bytes behind the last chunk in several packets",
    parts: [`${CHUNKED}\r\n5\r\nhel`, `lo\r\n0\r\n\r\n${POISON}`],
    body: "hello",
    reused: false,
  },
];

for (const one of cases) {
  // Trailers end at Deno.serve alone: what the own server makes of them is downstream/tcp/trailers_test.ts's.
  const fronts = one.name === "chunked with trailers" ? SERVE : FRONTS;
  onBothFronts(`framing of a response: ${one.name}`, (front) => checkRelayed(one, front), fronts);
}
