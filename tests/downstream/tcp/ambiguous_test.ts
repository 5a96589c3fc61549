/**
 * The own server refuses what two readers could see differently with 400 and a closed connection. Nothing of it, nor of
 * what comes behind it on its connection, reaches the origin.
 */
import { assertEquals } from "@std/assert";
import { AMBIGUOUS, FIELDS, HELLO, request, TE } from "../../support/ambiguous_requests.ts";
import { testProxy } from "../../support/proxy.ts";
import { statuses } from "../../support/send.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const EVIL = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST = `GET /last HTTP/1.1\r\n${FIELDS}\r\n`;

/** A request line with the usual fields. */
function head(line: string): string {
  return `${line}\r\n${FIELDS}\r\n`;
}

/** A request to another Host, or several. */
function hosts(...lines: string[]): string {
  return ["GET / HTTP/1.1", "X-Request-Id: t", "Connection: close", ...lines, "", ""].join("\r\n");
}

/** The fields of a request with something in the place of one line end. */
function withLineEnd(end: string): string[] {
  const text = request("POST /", "X-A: b\r\nContent-Length: 5", "hello");
  const ends = [...text.matchAll(/\r\n/g)].map(({ index }) => index);
  return ends.map((at) => text.slice(0, at) + end + text.slice(at + 2));
}

const post = (fields: string, body = "hello") => request("POST /", fields, body);
const get = (fields: string) => request("GET /", fields);
const controls = Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).filter((c) =>
  !/[\t\r\n]/.test(c)
);

const REFUSED: Record<string, string[]> = {
  "what every front refuses": Object.values(AMBIGUOUS),
  "two equal lengths": [
    post("Content-Length: 5\r\nContent-Length: 5"),
    post("content-length: 5\r\nX: a\r\nCONTENT-LENGTH: 5"),
    post("Content-Length: 5\r\nContent-Length:"),
    post("Content-Length:\r\nContent-Length: 5"),
  ],
  "a length that is not plain digits": [
    ...[",5", "5,", "5;", "5.0", "5e0", "0b101", "1_0", '"5"', "5\t5", "\xb2", "five"].map((length) =>
      post(`Content-Length: ${length}`)
    ),
    ...["9007199254740993", "1000000000000000", "4294967296".repeat(5), "0".repeat(16)].map((length) =>
      post(`Content-Length: ${length}`)
    ),
    ...["+5", "5, 5", ""].map((length) => get(`Content-Length: ${length}`)),
  ],
  "a coding that is not just chunked": [
    ...["gzip", "deflate, chunked", "chunked, gzip", "chunked,", "chunked chunked", "chunke", "'chunked'"],
    ...["\xa0chunked", "chunked\xa0", "chunked\x85", "chunked;", "chunked, ", "\\chunked", "chun\tked"],
  ].flatMap((coding) => [post(`Transfer-Encoding: ${coding}`, HELLO), get(`Transfer-Encoding: ${coding}`)]),
  "a coding in HTTP/1.0, or next to a length": [
    `GET / HTTP/1.0\r\n${FIELDS}${TE}\r\n\r\n${HELLO}`,
    `POST / HTTP/1.0\r\n${FIELDS}${TE}\r\nContent-Length: 15\r\n\r\n${HELLO}`,
    request("GET /", `${TE}\r\nContent-Length: 5`, HELLO),
    request("GET /", `Content-Length: 0\r\n${TE}`, HELLO),
    request("POST /", `Content-Length:\r\n${TE}`, HELLO),
    request("POST /", `Content-Length: 5\r\nTransfer-Encoding:`, "hello"),
    request("POST /", `Connection: Content-Length\r\nContent-Length: 5\r\n${TE}`, HELLO),
  ],
  "a bare LF": withLineEnd("\n"),
  "a bare CR": withLineEnd("\r"),
  "line ends the wrong way round, or doubled": [...withLineEnd("\n\r"), ...withLineEnd("\r\r\n")],
  "a folded line": [
    ...[" ", "\t", "  b", "\tContent-Length: 5"].flatMap((
      line,
    ) => [get(`X: a\r\n${line}`), get(`X:\r\n${line}`)]),
    `GET / HTTP/1.1\r\n ${FIELDS}\r\n`,
  ],
  "a malformed name": [
    "X : a",
    "X\t: a",
    "Host : a",
    "X Y: a",
    "(X): a",
    '"X": a',
    "X\xe9: a",
    "X,Y: a",
    "X=a",
    "\x0bX: a",
  ]
    .map(get),
  "a control character in a field": [...controls, "\x7f"].flatMap((c) => [get(`X: a${c}b`), get(`X${c}: a`)]),
  "no Host, or several": [
    hosts(),
    hosts("Host: a", "Host: a"),
    hosts("Host: a", "X: 1", "HOST: b"),
    hosts("Host: a", "Host:"),
    `GET / HTTP/1.0\r\nConnection: close\r\nHost: a\r\nHost: a\r\n\r\n`,
    `GET / HTTP/1.0\r\nConnection: close\r\nHost:\r\n\r\n`,
    `GET http://a/ HTTP/1.1\r\nConnection: close\r\n\r\n`,
  ],
  "a malformed Host": [
    ...[
      "",
      "a/",
      "a/evil",
      "a?b",
      "a#b",
      "u@a",
      "a b",
      "a,b",
      "a, a",
      "a:",
      "a:0",
      "a:65536",
      "a:x",
      "a:80:80",
      ":80",
    ],
    ...["[::1", "::1", "[g::1]", "http://a", "a\\b", "a%2fb", "*", "a;b", "a'b", '"a"', "a\xe9", "a\tb"],
  ].map((host) => hosts(`Host: ${host}`)),
  "a malformed target": [
    ...[
      "a",
      "evil/",
      "?a",
      "#a",
      "/#a",
      "/a#",
      "/a?b#c",
      "/ ",
      "/ a",
      "/\ta",
      "/\0",
      "/\x7f",
      "/a\x0bb",
      "/a?\x01",
    ],
    ...[
      "",
      " /",
      "/a /b",
      "*a",
      "**",
      "/%",
      "/%zz",
      "/%00",
      "/..%2fa",
      "/a\\..\\b",
      "\\",
      "%2f",
      "a:443",
      "a",
      ":80",
    ],
    ...["/\xff", "/?\xff", "/\xc0\xaf", "/\xe9", "/\xed\xa0\x80", "/\xc3"],
  ].map((target) => head(`GET ${target} HTTP/1.1`)),
  "an asterisk without OPTIONS": ["GET", "POST", "HEAD", "options"].map((method) =>
    head(`${method} * HTTP/1.1`)
  ),
  "a whole URL for another host or scheme": [
    ...[
      "http://b/",
      "http://a.b/",
      "http://a:81/",
      "http://u@a/",
      "http://a@b/",
      "http:///",
      "http://",
      "http:/a",
      "http:a",
    ],
    ...["https://a/", "ftp://a/", "file:///a", "ws://a/", "http://a#b", "http://a/#b", "http://a\\/"],
  ].flatMap((url) => [head(`GET ${url} HTTP/1.1`), head(`OPTIONS ${url} HTTP/1.1`)]),
  "another version": [
    ...[
      "HTTP/0.9",
      "HTTP/1.2",
      "HTTP/2.0",
      "HTTP/2",
      "HTTP/3",
      "HTTP/1.11",
      "HTTP/1",
      "HTTP/01.1",
      "HTTP/1.1.1",
      "http/1.1",
    ],
    ...[
      "HTTP /1.1",
      "HTTP/ 1.1",
      "HTTP/1.1 ",
      "HTTP/1.x",
      "XTTP/1.1",
      "RTSP/1.0",
      "ICY",
      "HTTP/1.-1",
      "HTTP/1.1\t",
    ],
  ].map((version) => head(`GET / ${version}`)),
  "HTTP/2 but for its preface": ["PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", "PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  "a simple request of HTTP/0.9": ["GET /\r\n", "GET / \r\n", "GET\r\n"],
  "what is no request": [
    head("HTTP/1.1 200 OK"),
    head("/ HTTP/1.1"),
    head(" GET / HTTP/1.1"),
    head("\tGET / HTTP/1.1"),
    head("\0GET / HTTP/1.1"),
    head("G\xcbT / HTTP/1.1"),
    head("GET\t/ HTTP/1.1"),
    head("G@T / HTTP/1.1"),
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
    `\n${head("GET / HTTP/1.1")}`,
    `\r\n\n${head("GET / HTTP/1.1")}`,
    `\r${head("GET / HTTP/1.1")}`,
    "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + head("GET / HTTP/1.1"),
  ],
};

for (const [what, texts] of Object.entries(REFUSED)) {
  Deno.test(`tcp: refused with 400, closed and not forwarded: ${what}`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp" });
    for (const text of texts) {
      const bothWays = [
        text.replace("Connection: close\r\n", "") + EVIL,
        `${LAST.replace("close", "a")}${text}${EVIL}`,
      ];
      assertEquals(await statuses(proxy.address, bothWays[0]!), [400], JSON.stringify(text));
      assertEquals(await statuses(proxy.address, bothWays[1]!), [200, 400], JSON.stringify(text));
    }
    assertEquals(await statuses(proxy.address, LAST), [200]);
    assertEquals([...new Set(origin.requests.map(({ line }) => line))], ["GET /last HTTP/1.1"]);
    assertEquals(origin.requests.length, texts.length + 1);
    assertEquals(origin.received.join(""), origin.requests.map(({ text }) => text).join(""));
  });
}

Deno.test("tcp: CONNECT is answered with 405 and closed, and what comes behind it is no request", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  for (const target of ["a:443", "/", "*", "http://a/"]) {
    const text = `CONNECT ${target} HTTP/1.1\r\nHost: a\r\n\r\n${EVIL}`;
    assertEquals(await statuses(proxy.address, text), [405], target);
  }
  assertEquals(origin.connections, 0);
});
