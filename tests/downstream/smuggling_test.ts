/**
 * Requests that two readers could see differently: each is refused with the origin untouched, or reaches it as one
 * request that has a single reading. Judged by the exact bytes that a raw origin received.
 *
 * Headers at the origin are in the order of their names, as Deno.serve sorts them.
 */
import { assertEquals } from "@std/assert";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send, statusOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

/** The fields of every request here, and what becomes of them. */
const FIELDS = "Host: a\r\nX-Request-Id: t\r\nConnection: close\r\n";
const FORWARDED = "host: a\r\nx-request-id: t\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\n" +
  "x-forwarded-host: a\r\nvia: 1.1 postern\r\n";
const LAST = {
  sent: `GET /last HTTP/1.1\r\n${FIELDS}\r\n`,
  received: `GET /last HTTP/1.1\r\n${FORWARDED}\r\n`,
};

/** Sends a request, then a harmless one: the first one's status (0 for no answer), and all that the origin received. */
async function outcome(request: string): Promise<[status: number, received: string[]]> {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  const status = statusOf(await send(proxy.address, request));
  await send(proxy.address, LAST.sent);
  return [status, [...origin.received]];
}

/** A request of these own field lines, without their last line end. */
function request(line: string, fields: string, body = ""): string {
  return `${line} HTTP/1.1\r\n${FIELDS}${fields}\r\n\r\n${body}`;
}

const HELLO = "5\r\nhello\r\n0\r\n\r\n";
const TE = "Transfer-Encoding: chunked";

const REFUSED: Record<string, string> = {
  "GET with Content-Length": request("GET /", "Content-Length: 5", "hello"),
  "GET with chunked body": request("GET /", TE, HELLO),
  "GET with empty chunked body": request("GET /", TE, "0\r\n\r\n"),
  "HEAD with Content-Length": request("HEAD /", "Content-Length: 5", "hello"),
  "HEAD with chunked body": request("HEAD /", TE, HELLO),
  "Content-Length and Transfer-Encoding": request("POST /", `Content-Length: 6\r\n${TE}`, "0\r\n\r\nG"),
  "Transfer-Encoding and Content-Length": request("POST /", `${TE}\r\nContent-Length: 6`, "0\r\n\r\nG"),
  "Content-Length and TE identity": request(
    "POST /",
    "Content-Length: 5\r\nTransfer-Encoding: identity",
    "hello",
  ),
  "a list of equal lengths": request("POST /", "Content-Length: 5, 5", "hello"),
  "a list of different lengths": request("POST /", "Content-Length: 5, 6", "hello!"),
  "two different lengths": request("POST /", "Content-Length: 5\r\nContent-Length: 6", "hello!"),
  "two lengths that spell one number differently": request(
    "POST /",
    "Content-Length: 5\r\nContent-Length: 05",
    "hello",
  ),
  "a negative length": request("POST /", "Content-Length: -5", "hello"),
  "a signed length": request("POST /", "Content-Length: +5", "hello"),
  "a hexadecimal length": request("POST /", "Content-Length: 0x5", "hello"),
  "an empty length": request("POST /", "Content-Length:", "hello"),
  "a length of two words": request("POST /", "Content-Length: 5 5", "hello"),
  "a length beyond 64 bits": request("POST /", "Content-Length: 18446744073709551621", "hello"),
  "a space before the colon of Content-Length": request("POST /", "Content-Length : 5", "hello"),
  "a space before the colon of Transfer-Encoding": request("POST /", "Transfer-Encoding : chunked", HELLO),
  "coding x, chunked": request("POST /", "Transfer-Encoding: x, chunked", HELLO),
  "coding gzip, chunked": request("POST /", "Transfer-Encoding: gzip, chunked", HELLO),
  "coding chunked, chunked": request("POST /", "Transfer-Encoding: chunked, chunked", HELLO),
  "coding chunked, identity": request("POST /", "Transfer-Encoding: chunked, identity", HELLO),
  "coding , chunked": request("POST /", "Transfer-Encoding: , chunked", HELLO),
  "codings on two lines": request("POST /", `Transfer-Encoding: x\r\n${TE}`, HELLO),
  "coding chunked on two lines": request("POST /", `${TE}\r\n${TE}`, HELLO),
  "coding xchunked": request("POST /", "Transfer-Encoding: xchunked", HELLO),
  "coding in quotes": request("POST /", 'Transfer-Encoding: "chunked"', HELLO),
  "coding with parameter": request("POST /", "Transfer-Encoding: chunked;q=1", HELLO),
  "coding behind a vertical tab": request("POST /", "Transfer-Encoding: \x0bchunked", HELLO),
  "coding identity": request("POST /", "Transfer-Encoding: identity", "hello"),
  "empty coding": request("POST /", "Transfer-Encoding:", HELLO),
  "coding on a folded line": request("POST /", "Transfer-Encoding:\r\n chunked", HELLO),
  "coding in HTTP/1.0": `POST / HTTP/1.0\r\n${FIELDS}${TE}\r\n\r\n${HELLO}`,
  "a folded field": request("POST /", "X: a\r\n Content-Length: 5\r\nContent-Length: 0"),
  "a folded first field": `GET / HTTP/1.1\r\n X: a\r\n${FIELDS}\r\n`,
  "a bare CR in a field": request("GET /", "X: a\rTransfer-Encoding: chunked"),
  "a NUL in a field": request("GET /", "X: a\0b"),
  "a name with a space": request("GET /", "X Y: a"),
  "no name": request("GET /", ": a"),
  "no colon": request("GET /", "X"),
  "an upgrade with a length": `POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n` +
    "Content-Length: 5\r\n\r\nhello",
  "version 1.2": `GET / HTTP/1.2\r\n${FIELDS}\r\n`,
  "two spaces in the request line": `GET  / HTTP/1.1\r\n${FIELDS}\r\n`,
};

for (const [what, text] of Object.entries(REFUSED)) {
  Deno.test(`refused with 400 and not forwarded: ${what}`, async () => {
    assertEquals(await outcome(text), [400, [LAST.received]]);
  });
}

// Deno.serve ends the connection without an answer when the first bytes of a chunked body are malformed.
const CUT: Record<string, string> = {
  "size that is no number": "z\r\nhello\r\n0\r\n\r\n",
  "size with 0x": "0x5\r\nhello\r\n0\r\n\r\n",
  "negative size": "-5\r\nhello\r\n0\r\n\r\n",
  "size beyond 64 bits": "10000000000000005\r\nhello\r\n0\r\n\r\n",
  "size that ends with a bare LF": "5\nhello\r\n0\r\n\r\n",
  "size that ends with a bare CR": "5\rhello\r\n0\r\n\r\n",
  "extension with a bare LF": "5;a\nb\r\nhello\r\n0\r\n\r\n",
  "extension with a bare CR": "5;a\rb\r\nhello\r\n0\r\n\r\n",
  "data that ends with a bare LF": "5\r\nhello\n0\r\n\r\n",
  "data longer than its size": "5\r\nhello!\r\n0\r\n\r\n",
  "request line in place of the trailers": "0\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
};

for (const [what, body] of Object.entries(CUT)) {
  Deno.test(`a chunked body is cut off and not forwarded: ${what}`, async () => {
    assertEquals(await outcome(request("POST /", TE, body)), [0, [LAST.received]]);
  });
}

/** Requests with one reading, and the bytes that the origin gets. */
const FORWARDED_AS: Record<string, [sent: string, received: string]> = {
  "GET of length 0 has no body": [
    request("GET /", "Content-Length: 0"),
    `GET / HTTP/1.1\r\n${FORWARDED}\r\n`,
  ],
  "two equal lengths become one": [
    request("POST /", "Content-Length: 5\r\nContent-Length: 5", "hello"),
    `POST / HTTP/1.1\r\n${FORWARDED}content-length: 5\r\n\r\nhello`,
  ],
  "a length with zeros in front becomes a plain number": [
    request("POST /", "Content-Length: 00005", "hello"),
    `POST / HTTP/1.1\r\n${FORWARDED}content-length: 5\r\n\r\nhello`,
  ],
  "the coding's name in capitals": [
    request("POST /", "TRANSFER-ENCODING: \t CHUNKED \t", HELLO),
    `POST / HTTP/1.1\r\n${FORWARDED}transfer-encoding: chunked\r\n\r\n${HELLO}`,
  ],
  "bare LF line ends become CR LF": [
    request("POST /", "X-B: c\nContent-Length: 5", "hello").replaceAll("\r\n", "\n"),
    `POST / HTTP/1.1\r\n${FORWARDED.replace("x-req", "x-b: c\r\nx-req")}content-length: 5\r\n\r\nhello`,
  ],
  "bare LF line ends in front of chunks": [
    `${request("POST /", TE).replaceAll("\r\n", "\n")}${HELLO}`,
    `POST / HTTP/1.1\r\n${FORWARDED}transfer-encoding: chunked\r\n\r\n${HELLO}`,
  ],
  "chunk extensions are dropped, sizes written anew": [
    request("POST /", TE, '0005;a=b;c="\\"0\r\nhello\r\n000;d\r\n\r\n'),
    `POST / HTTP/1.1\r\n${FORWARDED}transfer-encoding: chunked\r\n\r\n${HELLO}`,
  ],
  "trailers are dropped, with their announcement": [
    request(
      "POST /",
      `${TE}\r\nTrailer: X-T, Content-Length`,
      "5\r\nhello\r\n0\r\nX-T: 1\r\nContent-Length: 9\r\n\r\n",
    ),
    `POST / HTTP/1.1\r\n${FORWARDED}transfer-encoding: chunked\r\n\r\n${HELLO}`,
  ],
  "an empty chunked body": [
    request("POST /", TE, "0\r\n\r\n"),
    `POST / HTTP/1.1\r\n${FORWARDED}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  "an empty line in front": [
    `\r\n\r\n${request("GET /", "X: 1")}`,
    `GET / HTTP/1.1\r\n${FORWARDED.replace("x-req", "x: 1\r\nx-req")}\r\n`,
  ],
  "a HTTP/1.0 body without length is none, not one until the end": [
    `POST / HTTP/1.0\r\n${FIELDS}\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n`,
    `POST / HTTP/1.1\r\n${FORWARDED}content-length: 0\r\n\r\n`,
  ],
  "bytes behind a request that closes": [
    `${request("POST /", TE, HELLO)}GET /evil HTTP/1.1\r\nHost: a\r\n\r\n`,
    `POST / HTTP/1.1\r\n${FORWARDED}transfer-encoding: chunked\r\n\r\n${HELLO}`,
  ],
  "a method in small letters is another method": [
    request("get /", "Content-Length: 5", "hello"),
    `get / HTTP/1.1\r\n${FORWARDED}content-length: 5\r\n\r\nhello`,
  ],
  "an unknown method with a body": [
    request("M-SEARCH /", TE, HELLO),
    `M-SEARCH / HTTP/1.1\r\n${FORWARDED}transfer-encoding: chunked\r\n\r\n${HELLO}`,
  ],
  "a very long method without a body": [
    request("A".repeat(1000) + " /", "X: 1"),
    `${"A".repeat(1000)} / HTTP/1.1\r\n${FORWARDED.replace("x-req", "x: 1\r\nx-req")}\r\n`,
  ],
  "DELETE with a body": [
    request("DELETE /", "Content-Length: 5", "hello"),
    `DELETE / HTTP/1.1\r\n${FORWARDED}content-length: 5\r\n\r\nhello`,
  ],
};

for (const [what, [sent, received]] of Object.entries(FORWARDED_AS)) {
  Deno.test(`forwarded as one request: ${what}`, async () => {
    assertEquals(await outcome(sent), [200, [received + LAST.received]]);
  });
}

Deno.test("refused with 400 and not forwarded: a length beyond what a number holds", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  // Deno.serve keeps the connection open for the rest of the body, for ever.
  using client = await rawClient(proxy.address);
  await client.write(request("POST /", "Content-Length: 9007199254740993", "hello"));
  assertEquals(statusOf(await client.readHead() ?? ""), 400);
  await send(proxy.address, LAST.sent);
  assertEquals(origin.received, [LAST.received]);
});
