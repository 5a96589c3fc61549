/**
 * Requests that two readers could see differently, which no front may let through.
 *
 * @module
 */

/** The fields of every request here. */
export const FIELDS = "Host: a\r\nX-Request-Id: t\r\nConnection: close\r\n";
/** A short chunked body. */
export const HELLO = "5\r\nhello\r\n0\r\n\r\n";
/** The field that announces one. */
export const TE = "Transfer-Encoding: chunked";

/** A request of these own field lines, without their last line end. */
export function request(line: string, fields: string, body = ""): string {
  return `${line} HTTP/1.1\r\n${FIELDS}${fields}\r\n\r\n${body}`;
}

/** Whole requests. */
export const AMBIGUOUS: Readonly<Record<string, string>> = {
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
  "version 1.2": `GET / HTTP/1.2\r\n${FIELDS}\r\n`,
  "two spaces in the request line": `GET  / HTTP/1.1\r\n${FIELDS}\r\n`,
};

/** Malformed chunked bodies. */
export const BAD_CHUNKS: Readonly<Record<string, string>> = {
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
