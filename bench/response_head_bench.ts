/** Finding and reading the head of an upstream's response. */
import { findHeadEnd, parseHead } from "../src/upstream/response_head.ts";

const SMALL = bytes(
  "HTTP/1.1 200 OK",
  "Server: nginx",
  "Date: Tue, 24 Nov 2026 04:00:00 GMT",
  "Content-Type: text/plain",
  "Content-Length: 12",
  "Connection: keep-alive",
);
const TYPICAL = bytes(
  "HTTP/1.1 200 OK",
  "Date: Tue, 24 Nov 2026 04:00:00 GMT",
  "Content-Type: text/html; charset=utf-8",
  "Transfer-Encoding: chunked",
  "Connection: keep-alive",
  "Keep-Alive: timeout=65",
  "Vary: Accept-Encoding, Origin",
  "Cache-Control: public, max-age=0, must-revalidate",
  'ETag: W/"5f3a9c-18c2f1d2e80"',
  "Last-Modified: Mon, 23 Nov 2026 11:22:33 GMT",
  "Set-Cookie: session=4f9a2c7be01d; Path=/; HttpOnly; Secure; SameSite=Lax",
  "Set-Cookie: theme=dark; Path=/; Max-Age=31536000",
  "Strict-Transport-Security: max-age=63072000; includeSubDomains; preload",
  "Content-Security-Policy: default-src 'self'; img-src 'self' data:; script-src 'self'; object-src 'none'",
  "X-Content-Type-Options: nosniff",
  "Referrer-Policy: strict-origin-when-cross-origin",
);
const LATIN1 = bytes(
  "HTTP/1.1 200 OK",
  "Content-Type: application/octet-stream",
  "Content-Disposition: attachment; filename=r\xe9sum\xe9.pdf",
  "Content-Length: 12",
);

function bytes(...lines: string[]): Uint8Array {
  return Uint8Array.from(`${lines.join("\r\n")}\r\n\r\n`, (character) => character.charCodeAt(0));
}

for (const [name, head] of Object.entries({ small: SMALL, typical: TYPICAL, latin1: LATIN1 })) {
  const fields = head.filter((byte) => byte === 10).length - 2;
  Deno.bench({
    name: `parseHead(), ${name}: ${fields} fields, ${head.length} bytes`,
    group: "response head: read",
    baseline: name === "small",
    fn: () => void parseHead(head, 0, head.length),
  });
}

Deno.bench({
  name: "findHeadEnd(), typical head in one piece",
  group: "response head: find its end",
  baseline: true,
  fn: () => void findHeadEnd(TYPICAL, 0, 0, TYPICAL.length),
});

Deno.bench({
  name: "findHeadEnd(), typical head in pieces of 100 bytes",
  group: "response head: find its end",
  fn: () => {
    let from = 0;
    for (let end = 100; from >= 0; end += 100) {
      const found = findHeadEnd(TYPICAL, 0, from, Math.min(end, TYPICAL.length));
      if (found >= 0) return;
      from = -1 - found;
    }
  },
});
