/**
 * Requests by HTTP/2 that break a rule of RFC 9113 section 8, as the fields of their header blocks.
 *
 * @module
 */
import { fields } from "./http2_wire.ts";

const GET = fields();
const line = (...more: string[]) => [...GET, ...more];
const without = (name: string) => GET.filter((_, i) => GET[i & ~1] !== name);

/** What is wrong, and the fields. */
export const REFUSED: Record<string, string[]> = {
  "no :method": without(":method"),
  "no :scheme": without(":scheme"),
  "no :path": without(":path"),
  "neither :authority nor Host": without(":authority"),
  "an empty :path": fields({ ":path": "" }),
  "a :path without a slash": fields({ ":path": "x" }),
  "a whole URL as :path": fields({ ":path": "http://a/" }),
  "a :path of * for GET": fields({ ":path": "*" }),
  "a fragment in :path": fields({ ":path": "/#a" }),
  "a space in :path": fields({ ":path": "/ HTTP/1.1" }),
  "a space in :method": fields({ ":method": "GET /" }),
  "a :scheme that is not HTTP": fields({ ":scheme": "ftp" }),
  "another Host": line("host", "b"),
  "two of Host": line("host", "a", "host", "a"),
  "a pseudo-field twice": line(":path", "/"),
  "a pseudo-field behind a field": ["x-a", "1", ...GET],
  "a pseudo-field behind Host": ["host", "a", ...GET],
  "an unknown pseudo-field": line(":x", "1"),
  "a status": line(":status", "200"),
  ":protocol": line(":protocol", "websocket"),
  "upper case in a name": line("X-A", "1"),
  "a colon in a name": line("x:a", "1"),
  "a line end in a name": line("x\r\na", "1"),
  "an empty name": line("", "1"),
  "a line end in a value": line("x-a", "1\r\nEvil: 1"),
  "NUL in a value": line("x-a", "\0"),
  "a space ahead of a value": line("x-a", " 1"),
  "a tab behind a value": line("x-a", "1\t"),
  "connection": line("connection", "close"),
  "keep-alive": line("keep-alive", "5"),
  "proxy-connection": line("proxy-connection", "keep-alive"),
  "transfer-encoding": line("transfer-encoding", "chunked"),
  "upgrade": line("upgrade", "websocket"),
  "te with more than trailers": line("te", "trailers, gzip"),
  "a length and no body": line("content-length", "1"),
  "two lengths": line("content-length", "0", "content-length", "0"),
  "a length that is no number": line("content-length", "+1"),
};
