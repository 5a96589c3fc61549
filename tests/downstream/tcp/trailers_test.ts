/** Trailer fields, which the own server hands on both ways, but for those that a recipient must not believe. */
import { assertEquals } from "@std/assert";
import { rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { send, statusOf, valuesOf } from "../../support/send.ts";
import { requestText, within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const TRAILERS: [what: string, sent: string, passed: string][] = [
  ["one", "X-Sum: 1\r\n", "X-Sum: 1\r\n"],
  [
    "several, spelled and ordered as they are",
    "x-B: 2\r\nX-a: 1\r\nX-B:\r\n",
    "x-B: 2\r\nX-a: 1\r\nX-B: \r\n",
  ],
  ["obs-text", "X-Name: caf\xe9\r\n", "X-Name: caf\xe9\r\n"],
  [
    "none that frames, routes, authenticates or steers",
    "Content-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: x\r\nCookie: a=b\r\nSet-Cookie: a=b\r\n" +
    "Content-Type: x/y\r\nX-Forwarded-For: 9.9.9.9\r\nIf-Match: x\r\nX-Request-Id: z\r\nX-Sum: 1\r\n",
    "X-Sum: 1\r\n",
  ],
  [
    "none that belongs to the connection",
    "Connection: close\r\nKeep-Alive: x\r\nTE: x\r\nUpgrade: x\r\n",
    "",
  ],
  ["none in disguise", "Content_Length: 9\r\nX_Forwarded_For: 9.9.9.9\r\n", ""],
];

/** A passing filter, which streams the body through itself. */
const PASSES = { requestBodyFilter: () => undefined, responseBodyFilter: () => undefined };

for (const [what, sent, passed] of TRAILERS) {
  for (const announced of ["", "Trailer: X-Sum\r\n"]) {
    for (const [how, filters] of [["", {}], [", through a body filter", PASSES]] as const) {
      const title = `${what}, ${announced ? "" : "not "}announced${how}`;
      Deno.test(`a request's trailers: ${title}`, async () => {
        const received = Promise.withResolvers<string>();
        await using origin = rawOrigin(async (connection) => {
          await connection.readUntil("\r\n0\r\n");
          await connection.readUntil("\r\n\r\n", connection.received.indexOf("\r\n0\r\n") + 3);
          received.resolve(connection.received);
          await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        await using proxy = testProxy({ ...filters, upstreamPeer: () => ({ address: origin.address }) }, {
          front: "tcp",
        });
        const text = requestText(
          "POST",
          "/",
          `${announced}Transfer-Encoding: chunked\r\n`,
          `5\r\nhello\r\n0\r\n${sent}\r\n`,
        );
        assertEquals(statusOf(await send(proxy.address, text)), 200);
        const got = await received.promise;
        assertEquals(got.slice(got.indexOf("\r\n\r\n") + 4), `5\r\nhello\r\n0\r\n${passed}\r\n`);
        assertEquals(valuesOf(got, "trailer"), announced ? ["X-Sum"] : []);
      });
      Deno.test(`a response's trailers: ${title}`, async () => {
        const begun = Promise.withResolvers<void>();
        await using origin = rawOrigin(async (connection) => {
          await connection.readHead();
          await connection.write(
            `HTTP/1.1 200 OK\r\n${announced}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
          );
          await begun.promise;
          await connection.write(`0\r\n${sent}\r\n`);
          await connection.closed();
        });
        await using proxy = testProxy({ ...filters, upstreamPeer: () => ({ address: origin.address }) }, {
          front: "tcp",
        });
        using client = await rawClient(proxy.address);
        await client.write(requestText("GET", "/"));
        await within(client.readUntil("hello"), "the beginning");
        begun.resolve();
        await within(client.closed(), "the end");
        const got = client.received;
        assertEquals(got.slice(got.indexOf("\r\n\r\n") + 4), `5\r\nhello\r\n0\r\n${passed}\r\n`);
        assertEquals(valuesOf(got, "trailer"), announced ? ["X-Sum"] : []);
      });
    }
  }
}

const ASKED: [lines: string, te: string[], connection: string[]][] = [
  ["TE: trailers\r\nConnection: TE\r\n", ["trailers"], ["te"]],
  ["TE: Trailers;q=0.5, gzip\r\n", ["trailers"], ["te"]],
  ["TE: gzip\r\nTE: trailers\r\n", ["trailers"], ["te"]],
  ["TE: gzip\r\n", [], []],
  ["TE: trailersx\r\n", [], []],
  ["Connection: TE\r\n", [], []],
];

for (const [lines, te, connection] of ASKED) {
  Deno.test(`what the upstream is told of trailers: ${JSON.stringify(lines)}`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp" });
    await send(
      proxy.address,
      `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    const { text } = origin.requests[0]!;
    assertEquals([valuesOf(text, "te"), valuesOf(text, "connection")], [te, connection]);
    assertEquals(valuesOf(origin.requests[1]!.text, "te"), []);
  });
}

Deno.test("a body with a length that a filter streams keeps no announcement of trailers it cannot have", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  await send(proxy.address, requestText("POST", "/", "Trailer: X-Sum\r\nContent-Length: 2\r\n", "hi"));
  assertEquals(valuesOf(origin.requests[0]!.text, "trailer"), []);
});

for (const body of ["5\r\nhello\r\n", ""]) {
  Deno.test(`the trailers of a response that is there in one packet are kept: ${body ? "hello" : "no content"}`, async () => {
    await using origin = wireOrigin(() =>
      `HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n${body}0\r\nX-Sum: 1\r\n\r\n`
    );
    await using proxy = testProxy(origin.address, { front: "tcp" });
    for (let i = 0; i < 2; i++) {
      const got = await send(proxy.address, requestText("GET", "/"));
      assertEquals(got.slice(got.indexOf("\r\n\r\n") + 4), `${body}0\r\nX-Sum: 1\r\n\r\n`);
      assertEquals([valuesOf(got, "trailer"), valuesOf(got, "content-length")], [["X-Sum"], []]);
    }
    assertEquals([origin.connections, (await proxy.ended(2)).flag], [1, "-"]);
  });
}
