/**
 * Fields that belong to one connection, RFC 9110 section 7.6.1.
 *
 * Deno.serve joins the lines of a request's field by ", " (Cookie by "; ") and sorts the names, and joins those of a
 * response other than Set-Cookie: that each line stays by itself cannot be had, that no value is lost can.
 */
import { assertEquals } from "@std/assert";
import { cannedOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send, valuesOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const OWN = ["x-request-id", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via"];

/** What a request's field lines become at the origin, but for those that every request has there. */
async function sentOn(lines: string): Promise<string[]> {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  await send(proxy.address, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
  assertEquals(origin.requests.length, 1);
  return origin.requests[0]!.fields.filter((field) => !OWN.includes(field.split(":")[0]!));
}

/** What a response's field lines become at the client, but for the date. */
async function sentBack(lines: string): Promise<string[]> {
  await using origin = cannedOrigin(`HTTP/1.1 200 OK\r\n${lines}\r\n`);
  await using proxy = testProxy(origin.address);
  const answer = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const fields = answer.slice(0, answer.indexOf("\r\n\r\n")).split("\r\n").slice(1);
  return fields.map((field) => field.replace(/^[^:]*/, (name) => name.toLowerCase()))
    .filter((field) => !field.startsWith("date:")).sort();
}

const BOTH_WAYS: [what: string, lines: string][] = [
  ["Keep-Alive", "Keep-Alive: timeout=5, max=9\r\n"],
  ["Proxy-Authenticate", "Proxy-Authenticate: Basic\r\n"],
  ["Proxy-Authorization", "Proxy-Authorization: Basic eDp5\r\n"],
  ["Proxy-Connection", "Proxy-Connection: keep-alive\r\n"],
  ["TE", "TE: trailers, deflate\r\n"],
  ["Trailer", "Trailer: X-A\r\n"],
  ["Upgrade", "Upgrade: foo/1\r\n"],
  ["names in capitals", "KEEP-ALIVE: timeout=5\r\nte: trailers\r\nPrOxY-cOnNeCtIoN: close\r\n"],
];

for (const [what, lines] of BOTH_WAYS) {
  Deno.test(`hop by hop, not sent on to the origin: ${what}`, async () => {
    assertEquals(await sentOn(`Connection: close\r\n${lines}X-A: 1\r\n`), ["host: a", "x-a: 1"]);
  });

  Deno.test(`hop by hop, not sent back to the client: ${what}`, async () => {
    const fields = await sentBack(`${lines}X-A: 1\r\nContent-Length: 0\r\n`);
    assertEquals(fields.filter((field) => field !== "connection: close"), ["content-length: 0", "x-a: 1"]);
  });
}

/** What `Connection` holds, beside x-a, x-b and x-c; and which of these stay. */
const NAMED: [connection: string, kept: string[]][] = [
  ["Connection: close\r\n", ["x-a: 1", "x-b: 2", "x-c: 3"]],
  ["Connection: close, x-a\r\n", ["x-b: 2", "x-c: 3"]],
  ["Connection: X-A,close,\tX-b \r\n", ["x-c: 3"]],
  ["Connection: x-a\r\nConnection: close\r\nConnection: x-c\r\n", ["x-b: 2"]],
  ["Connection: close,, ,x-b,\r\n", ["x-a: 1", "x-c: 3"]],
  ["Connection: close, x-none, x\r\n", ["x-a: 1", "x-b: 2", "x-c: 3"]],
];

for (const [connection, kept] of NAMED) {
  Deno.test(`${JSON.stringify(connection)} names the fields that end here, on both ways`, async () => {
    const lines = `${connection}X-A: 1\r\nX-B: 2\r\nX-C: 3\r\n`;
    assertEquals(await sentOn(lines), ["host: a", ...kept]);
    const back = await sentBack(`${lines}Content-Length: 0\r\n`);
    assertEquals(back.filter((field) => field.startsWith("x-")), kept);
  });
}

Deno.test("end-to-end fields of a request reach the origin with their values untouched", async () => {
  const fields = [
    "host: a",
    "accept: */*;q=0.1, text/html",
    "accept-encoding: gzip, br",
    "authorization: Basic eDp5",
    'cache-control: no-cache, x="a, b"',
    "cookie: a=1; b=2; a=3",
    'if-none-match: W/"1", "2"',
    "priority: u=1, i",
    "range: bytes=0-1",
    "user-agent: x",
    "x-empty: ",
    "x-latin: caf\xe9 \xff",
    "x-spaces: a  b\tc",
    "x_under: 1",
  ];
  assertEquals(await sentOn(`Connection: close\r\n${fields.slice(1).join("\r\n")}\r\n`), fields);
});

Deno.test("values of duplicate fields of a request all reach the origin, in order", async () => {
  const lines = "X-A: 1\r\nCookie: a=1\r\nX-A: 2, 3\r\nx-a: 1\r\nCookie: b=2; c=3\r\n";
  assertEquals(await sentOn(`Connection: close\r\n${lines}`), [
    "host: a",
    "cookie: a=1; b=2; c=3",
    "x-a: 1, 2, 3, 1",
  ]);
});

Deno.test("end-to-end fields of a response reach the client with their values untouched", async () => {
  const fields = [
    "accept-ranges: bytes",
    'alt-svc: h3=":443"',
    "content-encoding: gzip",
    "content-length: 0",
    'etag: W/"a, b"',
    "expires: 0",
    "last-modified: Sun, 06 Nov 1994 08:49:37 GMT",
    "retry-after: 3",
    "server: x",
    "vary: Accept, *",
    "via: 1.0 b",
    'www-authenticate: Basic realm="a, b"',
    "x-empty: ",
    "x-latin: caf\xe9 \xff",
    "x-spaces: a  b\tc",
  ];
  const back = await sentBack(`${fields.join("\r\n")}\r\n`);
  assertEquals(back.filter((field) => field !== "connection: close"), fields);
});

Deno.test("duplicate fields of a response all reach the client, each Set-Cookie on its own line", async () => {
  await using origin = cannedOrigin(
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT\r\nX-A: 1\r\nSet-Cookie: b=2\r\n" +
      "X-A: 2\r\nset-cookie: a=1\r\nContent-Length: 0\r\n\r\n",
  );
  await using proxy = testProxy(origin.address);
  const answer = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assertEquals(valuesOf(answer, "set-cookie"), ["a=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT", "b=2", "a=1"]);
  assertEquals(valuesOf(answer, "x-a").join(", "), "1, 2");
});

Deno.test("neither hooks nor their answers carry hop-by-hop fields", async () => {
  await using origin = cannedOrigin(
    "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nX-A: 1\r\n" +
      "Content-Length: 0\r\n\r\n",
  );
  const seen: string[][] = [];
  await using proxy = testProxy({
    requestFilter: ({ request }) => {
      seen.push([...request.headers.keys()]);
      const headers = { "Keep-Alive": "timeout=9", "Upgrade": "h2c", "Trailer": "x", "TE": "x", "X-B": "1" };
      return request.target === "/early" ? new Response(null, { headers }) : undefined;
    },
    upstreamPeer: () => ({ address: origin.address }),
    upstreamResponseFilter: (_, { headers }) => void seen.push([...headers.keys()]),
    responseFilter: (_, { headers }) => headers.set("Keep-Alive", "timeout=9"),
  });
  const lines = "Connection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nX-A: 1\r\n";
  const answers = [
    await send(proxy.address, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`),
    await send(proxy.address, `GET /early HTTP/1.1\r\nHost: a\r\n${lines}\r\n`),
  ];
  assertEquals(seen, [["host", "x-a"], ["x-a", "content-length"], ["host", "x-a"]]);
  const names = ["keep-alive", "upgrade", "trailer", "te", "x-hop"];
  for (const answer of answers) assertEquals(names.flatMap((name) => valuesOf(answer, name)), []);
  assertEquals(answers.map((answer) => [valuesOf(answer, "x-a"), valuesOf(answer, "x-b")]), [[["1"], []], [
    [],
    ["1"],
  ]]);
});
