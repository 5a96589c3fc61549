/** Writing the head of a request into a connection's room for it. */
import { HeaderList } from "../src/http/headers.ts";
import { Connection } from "../src/upstream/connection.ts";
import { targetOf } from "../src/upstream/peer.ts";
import { type RequestLine, writeHead } from "../src/upstream/request_head.ts";

/** Nothing is sent, so no socket is needed. */
const connection = new Connection(targetOf({ address: "127.0.0.1:80" }), {} as Deno.Conn);

const small: RequestLine = {
  method: "GET",
  target: "/",
  headers: new HeaderList([
    ["host", "example.com"],
    ["x-forwarded-for", "192.0.2.7"],
    ["x-forwarded-proto", "http"],
    ["x-forwarded-host", "example.com"],
    ["via", "1.1 postern"],
    ["x-request-id", "0f8a6c9e-5f0b-4d4e-9a51-3f7f6f0c2b11"],
  ]),
};

const browser: RequestLine = {
  method: "GET",
  target: "/search?q=reverse+proxy&page=2&sort=date&lang=en",
  headers: new HeaderList([
    ...small.headers,
    ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"],
    ["accept-encoding", "gzip, deflate, br, zstd"],
    ["accept-language", "en-GB,en;q=0.9,de;q=0.8"],
    ["cache-control", "max-age=0"],
    ["cookie", "session=4f9a2c7be01d; theme=dark; consent=all; _ga=GA1.1.1234567890.1700000000"],
    ["if-none-match", 'W/"5f3a9c-18c2f1d2e80"'],
    ["referer", "https://example.com/search?q=reverse+proxy"],
    ["sec-fetch-dest", "document"],
    ["sec-fetch-mode", "navigate"],
    ["sec-fetch-site", "same-origin"],
    ["upgrade-insecure-requests", "1"],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"],
  ]),
};

const encoder = new TextEncoder();

/** The plain way: one string, encoded. It cannot write latin-1, and checks nothing. */
function asString({ method, target, headers }: RequestLine): Uint8Array {
  const { lines } = headers;
  let head = `${method} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i < lines.length; i += 2) head += `${lines[i]}: ${lines[i + 1]}\r\n`;
  return encoder.encode(`${head}\r\n`);
}

for (const [name, request] of Object.entries({ small, browser })) {
  const group = `request head, ${name}: ${request.headers.lines.length / 2} fields`;
  Deno.bench({ name: "a string, encoded", group, fn: () => void asString(request) });
  Deno.bench({
    name: "writeHead()",
    group,
    baseline: true,
    fn: () => void writeHead(connection, request, null),
  });
}

const body = new Uint8Array(512);
Deno.bench({
  name: "writeHead() with 512 bytes of body",
  group: "request head, small: 6 fields",
  fn: () => void writeHead(connection, small, body.length, body),
});
