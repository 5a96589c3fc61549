/** Responses without a body that tempt a reader to wait for one, or to make one: codings, interim responses ahead. */
import { checkRelayed, type Relayed } from "../support/parts_origin.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
const CODED = "Content-Encoding: gzip\r\n";

const CASES: Omit<Relayed, "body" | "reused">[] = [
  { name: "a HEAD's answer behind 100", method: "HEAD", parts: [CONTINUE + OK] },
  { name: "a HEAD's answer behind 100 in a packet of its own", method: "HEAD", parts: [CONTINUE, OK] },
  { name: "a HEAD's answer behind 103", method: "HEAD", parts: [HINTS + OK], fields: { link: null } },
  { name: "204 behind 100", status: 204, parts: [`${CONTINUE}HTTP/1.1 204 No Content\r\n\r\n`] },
  { name: "304 behind 103", status: 304, parts: [`${HINTS}HTTP/1.1 304 Not Modified\r\n\r\n`] },
  {
    name: "204 with a content coding",
    status: 204,
    parts: [`HTTP/1.1 204 No Content\r\n${CODED}\r\n`],
    fields: { "content-encoding": "gzip" },
  },
  {
    name: "304 with a content coding",
    status: 304,
    parts: [`HTTP/1.1 304 Not Modified\r\n${CODED}\r\n`],
    fields: { "content-encoding": "gzip" },
  },
  {
    name: "a HEAD's answer with a content coding",
    method: "HEAD",
    parts: [`HTTP/1.1 200 OK\r\n${CODED}Content-Length: 5\r\n\r\n`],
    fields: { "content-encoding": "gzip", "content-length": "5" },
  },
  {
    name: "content-length 0 with a content coding",
    parts: [`HTTP/1.1 200 OK\r\n${CODED}Content-Length: 0\r\n\r\n`],
    fields: { "content-encoding": "gzip", "content-length": "0" },
  },
];

for (const one of CASES) {
  Deno.test(`no body is waited for, nor made: ${one.name}`, () =>
    checkRelayed({ ...one, body: "", reused: true }));
}
