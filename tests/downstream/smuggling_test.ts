/**
 * Requests that two readers could see differently: each is refused with the origin untouched, or reaches it as one
 * request that has a single reading. Judged by the exact bytes that a raw origin received.
 *
 * Headers at the origin are in the order of their names, as Deno.serve sorts them.
 */
import { assertEquals } from "@std/assert";
import { AMBIGUOUS, BAD_CHUNKS, FIELDS, HELLO, request, TE } from "../support/ambiguous_requests.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send, statusOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

/** What becomes of the fields of every request here. */
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

/** What only this front refuses: its server keeps the bodies of GET and HEAD to itself. */
const REFUSED: Record<string, string> = {
  ...AMBIGUOUS,
  "GET with Content-Length": request("GET /", "Content-Length: 5", "hello"),
  "GET with chunked body": request("GET /", TE, HELLO),
  "GET with empty chunked body": request("GET /", TE, "0\r\n\r\n"),
  "HEAD with Content-Length": request("HEAD /", "Content-Length: 5", "hello"),
  "HEAD with chunked body": request("HEAD /", TE, HELLO),
  "an upgrade with a length": `POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n` +
    "Content-Length: 5\r\n\r\nhello",
};

for (const [what, text] of Object.entries(REFUSED)) {
  Deno.test(`refused with 400 and not forwarded: ${what}`, async () => {
    assertEquals(await outcome(text), [400, [LAST.received]]);
  });
}

// Deno.serve ends the connection without an answer when the first bytes of a chunked body are malformed.
for (const [what, body] of Object.entries(BAD_CHUNKS)) {
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
