/** What the own server hands on as it was written: spelling, order and repetition of fields, status lines, bytes. */
import { assertEquals } from "@std/assert";
import { testProxy } from "../../support/proxy.ts";
import { send, statusOf, valuesOf } from "../../support/send.ts";
import { responseText } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

/** Field lines in an order that sorting would change, and spellings that lower case would. */
const FIELDS = [
  "X-zeta: 1",
  "ACCEPT: */*",
  "x-Alpha: one",
  "X-ALPHA: two",
  "X-Empty:",
  "aCCept-eNCoding: gzip,br ,  x",
  'X-Quoted: "a, b\\"c"; d=\'',
  "X-Latin: caf\xe9 \x80\xff",
  "X-Tab: a\tb",
  "Cookie: a=1",
  "Cookie: b=2",
  "X-alpha: three",
  "!#$%&'*+-.^_`|~09azAZ: token",
];
const ON_THE_WAY = FIELDS.map((field) => field.replace(/:$/, ": "));

Deno.test("a request's fields reach the origin in their order and spelling, each line by itself, and own ones behind", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  await send(
    proxy.address,
    `GET / HTTP/1.1\r\n${FIELDS.slice(0, 3).join("\r\n")}\r\nHOST: a:80\r\n${
      FIELDS.slice(3).join("\r\n")
    }\r\nConnection: close\r\n\r\n`,
  );
  const { line, fields } = origin.requests[0]!;
  const expected = [...ON_THE_WAY.slice(0, 3), "HOST: a:80", ...ON_THE_WAY.slice(3)]
    // An underscore could pass for a hyphen further on.
    .filter((field) => !field.startsWith("!"));
  assertEquals(line, "GET / HTTP/1.1");
  assertEquals(fields.filter((field) => !field.startsWith("!")).slice(0, expected.length), expected);
  const own = fields.slice(expected.length).map((field) => field.split(":")[0]);
  assertEquals(own.filter((name) => !name!.startsWith("!")), [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "via",
    "x-request-id",
  ]);
});

Deno.test("a response's fields reach the client in their order and spelling, each line by itself", async () => {
  const lines = [...FIELDS, "Set-Cookie: a=1", "SET-COOKIE: b=2, c", "Server: x", "DATE: then"];
  await using origin = wireOrigin(() => responseText("hello", `${lines.join("\r\n")}\r\n`));
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const answer = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const [first, ...fields] = answer.slice(0, answer.indexOf("\r\n\r\n")).split("\r\n");
  assertEquals(first, "HTTP/1.1 200 OK");
  assertEquals(fields, [
    ...ON_THE_WAY,
    "Set-Cookie: a=1",
    "SET-COOKIE: b=2, c",
    "Server: x",
    "DATE: then",
    "content-length: 5",
    "connection: close",
  ]);
});

Deno.test("a streamed response keeps its own Content-Length, as it spelled it", async () => {
  const body = "x".repeat(300_000);
  await using origin = wireOrigin(() =>
    `HTTP/1.1 200 OK\r\nA: 1\r\nCONTENT-LENGTH: 300000\r\nZ: 1\r\n\r\n${body}`
  );
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const answer = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assertEquals(answer.split("\r\n").slice(0, 4), [
    "HTTP/1.1 200 OK",
    "A: 1",
    "CONTENT-LENGTH: 300000",
    "Z: 1",
  ]);
  assertEquals(answer.endsWith(`\r\n\r\n${body}`), true);
});

Deno.test("a hook sees names in lower case, and what it leaves alone keeps its spelling", async () => {
  const seen: string[] = [];
  await using origin = wireOrigin(() => responseText("", "X-Kept: 1\r\nX-EDITED: 1\r\n"));
  await using proxy = testProxy({
    requestFilter({ request: { headers } }) {
      for (const [name] of headers) seen.push(name);
      headers.set("x-edited", "2");
    },
    upstreamPeer: () => ({ address: origin.address }),
    responseFilter: (_session, { headers }) => headers.set("X-Edited", "2"),
  }, { front: "tcp" });
  const answer = await send(
    proxy.address,
    "GET / HTTP/1.1\r\nHost: a\r\nX-Kept: 1\r\nX-EDITED: 1\r\nX-last: 1\r\nConnection: close\r\n\r\n",
  );
  assertEquals(seen, ["host", "x-kept", "x-edited", "x-last"]);
  assertEquals(origin.requests[0]!.fields.slice(0, 4), ["Host: a", "X-Kept: 1", "X-EDITED: 2", "X-last: 1"]);
  assertEquals(answer.split("\r\n").slice(1, 3), ["X-Kept: 1", "X-EDITED: 2"]);
});

const STATUS_LINES = [
  "200 OK",
  '200 Fine, thanks: (all "good")',
  "200 ",
  "404 caf\xe9 \t ferm\xe9",
  "299 Odd",
  "599 Last",
  "418 I'm a teapot",
  "451 ",
];

for (const line of STATUS_LINES) {
  Deno.test(`the upstream's status and reason are the client's: ${JSON.stringify(line)}`, async () => {
    for (const method of ["GET", "HEAD"]) {
      await using origin = wireOrigin(() =>
        `HTTP/1.1 ${line}\r\nContent-Length: 2\r\n\r\n${method === "GET" ? "hi" : ""}`
      );
      await using proxy = testProxy(origin.address, { front: "tcp" });
      const answer = await send(
        proxy.address,
        `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      );
      assertEquals(answer.split("\r\n")[0], `HTTP/1.1 ${line}`);
    }
  });
}

Deno.test("a status line without a space behind the status gets one", async () => {
  await using origin = wireOrigin(() => "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n");
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const answer = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assertEquals(answer.split("\r\n")[0], "HTTP/1.1 200 ");
});

const CHANGED: [status: number, line: string][] = [
  [200, "200 As it was"],
  [404, "404 Not Found"],
  [299, "299 "],
  [600, "600 "],
  [999, "999 "],
];

for (const [status, line] of CHANGED) {
  Deno.test(`a hook that sets ${status} answers with "${line}"`, async () => {
    await using origin = wireOrigin(() => "HTTP/1.1 200 As it was\r\nContent-Length: 2\r\n\r\nhi");
    await using proxy = testProxy({
      upstreamPeer: () => ({ address: origin.address }),
      responseFilter: (_session, response) => void (response.status = status),
    }, { front: "tcp" });
    const answer = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assertEquals([answer.split("\r\n")[0], answer.slice(-2)], [`HTTP/1.1 ${line}`, "hi"]);
    assertEquals((await proxy.ended(1)).status, status);
  });
}

for (const status of [299, 599, 600, 999]) {
  Deno.test(`an upstream's status ${status} goes to the client, where the front has a way to`, async () => {
    await using origin = wireOrigin(() => `HTTP/1.1 ${status} Odd\r\nContent-Length: 2\r\n\r\nhi`);
    for (const front of ["tcp", "serve"] as const) {
      await using proxy = testProxy(origin.address, { front });
      const answer = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      assertEquals(statusOf(answer), front === "serve" && status > 599 ? 502 : status);
    }
  });
}

Deno.test("the method and the target reach the origin as they are", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const lines = [
    "get /A%2fb?x=%20&&y HTTP/1.1",
    "PROPFIND /a//b;c=d/ HTTP/1.1",
    "X!#$ /?q HTTP/1.1",
    "OPTIONS * HTTP/1.1",
  ];
  for (const line of lines) await send(proxy.address, `${line}\r\nHost: a\r\nConnection: close\r\n\r\n`);
  assertEquals(origin.requests.map(({ line }) => line), lines);
  assertEquals(origin.requests.map(({ text }) => valuesOf(text, "host")), lines.map(() => ["a"]));
});
