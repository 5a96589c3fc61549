/** What clients and hooks may try with the fields of a request, judged by the exact bytes that a raw origin received. */
import { assertEquals } from "@std/assert";
import type { ProxyModule, RequestHead } from "../../src/mod.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const FIELDS = "Host: a\r\nX-Request-Id: t\r\n";
const FORWARDED =
  "x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: a\r\nvia: 1.1 postern\r\n";
const REST = `x-request-id: t\r\n${FORWARDED}`;
const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

/** What a `Connection` field names, with the fields sent along; and the fields that reach the origin. */
const NAMED: [names: string, sent: string, received: string][] = [
  [
    "host",
    "X-A: 1\r\nContent-Length: 5\r\n\r\nhello",
    `host: a\r\nx-a: 1\r\n${REST}content-length: 5\r\n\r\nhello`,
  ],
  [
    "HOST, x-a",
    "X-A: 1\r\nX-B: 2\r\nContent-Length: 5\r\n\r\nhello",
    `host: a\r\nx-b: 2\r\n${REST}content-length: 5\r\n\r\nhello`,
  ],
  ["content-length", "Content-Length: 5\r\n\r\nhello", `host: a\r\n${REST}content-length: 5\r\n\r\nhello`],
  ["transfer-encoding", CHUNKED, `host: a\r\n${REST}${CHUNKED.toLowerCase()}`],
  ["content-length, transfer-encoding, host", CHUNKED, `host: a\r\n${REST}${CHUNKED.toLowerCase()}`],
  [
    "cookie",
    "Cookie: c=1\r\nContent-Length: 5\r\n\r\nhello",
    `host: a\r\n${REST}content-length: 5\r\n\r\nhello`,
  ],
  [
    "x-forwarded-for, X-Forwarded-Proto, x-forwarded-host, via, forwarded",
    "Forwarded: for=9.9.9.9\r\nVia: 1.0 b\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Host: b\r\n" +
    "X-Forwarded-Proto: https\r\nContent-Length: 5\r\n\r\nhello",
    `host: a\r\n${REST}content-length: 5\r\n\r\nhello`,
  ],
  [
    "expect",
    "Expect: x\r\nContent-Length: 5\r\n\r\nhello",
    `host: a\r\n${REST}content-length: 5\r\n\r\nhello`,
  ],
  [
    ", ,connection,,\t",
    "X-A: 1\r\nContent-Length: 5\r\n\r\nhello",
    `host: a\r\nx-a: 1\r\n${REST}content-length: 5\r\n\r\nhello`,
  ],
];

for (const [names, sent, received] of NAMED) {
  Deno.test(`a client that lists "${names}" in Connection breaks neither Host, nor framing, nor forwarded fields`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address);
    const answer = await send(
      proxy.address,
      `POST / HTTP/1.1\r\n${FIELDS}Connection: close, ${names}\r\n${sent}`,
    );
    assertEquals(statusOf(answer), 200);
    assertEquals(origin.received, [`POST / HTTP/1.1\r\n${received}`]);
  });
}

Deno.test("a request id that Connection lists still comes out once", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  await send(proxy.address, `GET / HTTP/1.1\r\n${FIELDS}Connection: close, x-request-id\r\n\r\n`);
  assertEquals(valuesOf(origin.received[0]!, "x-request-id").length, 1);
});

for (const upgrade of ["websocket", "h2c", "TLS/1.2", "h2c, websocket"]) {
  Deno.test(`a wish to upgrade to ${upgrade} does not reach the origin`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address);
    await send(
      proxy.address,
      `GET / HTTP/1.1\r\n${FIELDS}Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: ${upgrade}\r\n` +
        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
    );
    assertEquals(origin.received, [`GET / HTTP/1.1\r\nhost: a\r\n${REST}\r\n`]);
  });
}

Deno.test("an Upgrade that Connection does not name does not reach the origin either", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  await send(proxy.address, `GET / HTTP/1.1\r\n${FIELDS}Connection: close\r\nUpgrade: h2c\r\n\r\n`);
  assertEquals(origin.received, [`GET / HTTP/1.1\r\nhost: a\r\n${REST}\r\n`]);
});

/** Edits of a request's head that would break it in two. */
const INJECTIONS: Record<string, (request: RequestHead) => void> = {
  "a value with CR LF": ({ headers }) => headers.set("x", "1\r\nx-evil: 1"),
  "a value with a bare LF": ({ headers }) => headers.append("x", "1\nx-evil: 1"),
  "a value with a bare CR": ({ headers }) => headers.set("x", "1\rx-evil: 1"),
  "a value with a NUL": ({ headers }) => headers.set("x", "1\0"),
  "a Host with CR LF": ({ headers }) => headers.set("host", "a\r\nx-evil: 1"),
  "a name with CR LF": ({ headers }) => headers.set("x: 1\r\nx-evil", "1"),
  "a name with a colon": ({ headers }) => headers.append("x-evil:", "1"),
  "an empty name": ({ headers }) => headers.set("", "1"),
  "a value beyond bytes": ({ headers }) => headers.set("x", "\u010d\u010a"),
  "a method with a space": (request) => request.method = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\nGET",
  "an empty method": (request) => request.method = "",
  "a target with a space": (request) => request.target = "/ HTTP/1.1\r\nx-evil: 1\r\n\r\n",
  "a target with a line end": (request) => request.target = "/\r\n",
  "a target beyond bytes": (request) => request.target = "/\u0120HTTP/1.1\u010d\u010a",
  "an empty target": (request) => request.target = "",
};

for (const [what, edit] of Object.entries(INJECTIONS)) {
  Deno.test(`a hook that sets ${what} fails its own request with 500, and the origin sees nothing of it`, async () => {
    await using origin = wireOrigin();
    const upstreamPeer = () => ({ address: origin.address });
    const modules: ProxyModule[] = [
      {
        upstreamPeer,
        requestFilter: ({ request }) => request.target === "/last" ? undefined : void edit(request),
      },
      {
        upstreamPeer,
        upstreamRequestFilter: (_, request) => request.target === "/last" ? undefined : edit(request),
      },
    ];
    for (const module of modules) {
      await using proxy = testProxy(module);
      const answer = await send(proxy.address, `GET / HTTP/1.1\r\n${FIELDS}Connection: close\r\n\r\n`);
      assertEquals(statusOf(answer), 500);
      await send(proxy.address, `GET /last HTTP/1.1\r\n${FIELDS}Connection: close\r\n\r\n`);
    }
    const last = `GET /last HTTP/1.1\r\nhost: a\r\n${REST}\r\n`;
    assertEquals(origin.received.filter((text) => text !== ""), [last, last]);
  });
}

for (const name of ["requestFilter", "upstreamRequestFilter"] as const) {
  Deno.test(`framing and hop-by-hop fields that ${name} sets do not reach the origin`, async () => {
    const edit = ({ headers }: RequestHead) => {
      headers.set("Content-Length", "0");
      headers.append("content-length", "7");
      headers.set("Transfer-Encoding", "chunked");
      for (const field of ["Connection", "Keep-Alive", "TE", "Upgrade", "Proxy-Connection"]) {
        headers.set(field, "x");
      }
      headers.set("Expect", "100-continue");
      headers.set("x-own", "1");
    };
    await using origin = wireOrigin();
    const upstreamPeer = () => ({ address: origin.address });
    await using proxy = testProxy(
      name === "requestFilter"
        ? { upstreamPeer, requestFilter: ({ request }) => void edit(request) }
        : { upstreamPeer, upstreamRequestFilter: (_, request) => edit(request) },
    );
    const close = `${FIELDS}Connection: close\r\n`;
    await send(proxy.address, `POST / HTTP/1.1\r\n${close}Content-Length: 5\r\n\r\nhello`);
    await send(proxy.address, `POST / HTTP/1.1\r\n${close}${CHUNKED}`);
    await send(proxy.address, `GET / HTTP/1.1\r\n${close}\r\n`);
    const heads = origin.requests.map(({ line, fields, body }) => {
      const kept = fields.filter((field) => !`host: a\r\n${REST}`.includes(`${field}\r\n`));
      return [line, ...kept, body];
    });
    assertEquals(heads, [
      ["POST / HTTP/1.1", "x-own: 1", "content-length: 5", "hello"],
      ["POST / HTTP/1.1", "x-own: 1", "transfer-encoding: chunked", "hello"],
      ["GET / HTTP/1.1", "x-own: 1", ""],
    ]);
  });
}

Deno.test("a hook cannot break an answer in two either", async () => {
  await using origin = wireOrigin();
  for (const name of ["upstreamResponseFilter", "responseFilter"] as const) {
    for (const [field, value] of [["x", "1\r\nx-evil: 1"], ["x: 1\r\nx-evil", "1"], ["x", "1\nx-evil: 1"]]) {
      await using proxy = testProxy({
        upstreamPeer: () => ({ address: origin.address }),
        [name]: (_: unknown, { headers }: { headers: Headers }) => headers.set(field!, value!),
      });
      const answer = await send(proxy.address, `GET / HTTP/1.1\r\n${FIELDS}Connection: close\r\n\r\n`);
      assertEquals([statusOf(answer), answer.includes("evil")], [500, false]);
    }
  }
});
