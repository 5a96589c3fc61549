/** Where one request ends and the next begins, judged by the exact bytes that a raw origin received. */
import { assertEquals } from "@std/assert";
import { rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send, statusOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const FIELDS = "Host: a\r\nX-Request-Id: t\r\n";
const FORWARDED = "host: a\r\nx-request-id: t\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\n" +
  "x-forwarded-host: a\r\nvia: 1.1 postern\r\n";
const CLOSE = "Connection: close\r\n";
const EVIL = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("pipelined requests are forwarded one after the other, in order, and answered in order", async () => {
  const connectionsSoFar: number[] = [];
  await using origin = wireOrigin(({ line }) => {
    connectionsSoFar.push(origin.connections);
    const path = line.split(" ")[1]!;
    return `HTTP/1.1 200 OK\r\nX-Path: ${path}\r\nContent-Length: ${path.length}\r\n\r\n${path}`;
  });
  await using proxy = testProxy(origin.address);
  const answers = await send(
    proxy.address,
    `POST /1 HTTP/1.1\r\n${FIELDS}Content-Length: 5\r\n\r\nhello` +
      `GET /2 HTTP/1.1\r\n${FIELDS}\r\n` +
      `POST /3 HTTP/1.1\r\n${FIELDS}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n` +
      `POST /4 HTTP/1.1\r\n${FIELDS}\r\n` +
      `GET /5 HTTP/1.1\r\n${FIELDS}${CLOSE}\r\n`,
  );
  assertEquals(origin.received, [
    `POST /1 HTTP/1.1\r\n${FORWARDED}content-length: 5\r\n\r\nhello` +
    `GET /2 HTTP/1.1\r\n${FORWARDED}\r\n` +
    `POST /3 HTTP/1.1\r\n${FORWARDED}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n` +
    `POST /4 HTTP/1.1\r\n${FORWARDED}content-length: 0\r\n\r\n` +
    `GET /5 HTTP/1.1\r\n${FORWARDED}\r\n`,
  ]);
  // A request that did not wait for the answer to the one before would have needed a second connection.
  assertEquals(connectionsSoFar, [1, 1, 1, 1, 1]);
  assertEquals([...answers.matchAll(/x-path: (\S+)/gi)].map(([, path]) => path), [
    "/1",
    "/2",
    "/3",
    "/4",
    "/5",
  ]);
});

Deno.test("a refused request does not take the pipelined one behind it along, nor let its body pass for one", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  const answers = await send(
    proxy.address,
    `GET /1 HTTP/1.1\r\n${FIELDS}Content-Length: ${EVIL.length}\r\n\r\n${EVIL}` +
      `GET /2 HTTP/1.1\r\n${FIELDS}${CLOSE}\r\n`,
  );
  assertEquals([...answers.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status), ["400", "200"]);
  assertEquals(origin.received, [`GET /2 HTTP/1.1\r\n${FORWARDED}\r\n`]);
});

Deno.test("an answer of a hook that does not read the body does not let the body pass for a request", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy({
    requestFilter: ({ request }) => request.target === "/1" ? new Response("early") : undefined,
    upstreamPeer: () => ({ address: origin.address }),
  });
  for (const framed of [`Content-Length: ${EVIL.length}\r\n\r\n${EVIL}`, chunked(EVIL)]) {
    await send(
      proxy.address,
      `POST /1 HTTP/1.1\r\n${FIELDS}${framed}GET /2 HTTP/1.1\r\n${FIELDS}${CLOSE}\r\n`,
    );
  }
  assertEquals(origin.requests.map(({ line }) => line), ["GET /2 HTTP/1.1", "GET /2 HTTP/1.1"]);
});

function chunked(text: string): string {
  return `Transfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
}

for (
  const [what, body] of [["a request", EVIL], ["the end of a chunked body and a request", `0\r\n\r\n${EVIL}`]]
) {
  Deno.test(`a body that looks like ${what} stays a body`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address);
    const head = `POST / HTTP/1.1\r\n${FIELDS}${CLOSE}`;
    await send(proxy.address, `${head}Content-Length: ${body!.length}\r\n\r\n${body}`);
    await send(proxy.address, `${head}${chunked(body!)}`);
    const forwarded = `POST / HTTP/1.1\r\n${FORWARDED}`;
    assertEquals(origin.received, [
      `${forwarded}content-length: ${body!.length}\r\n\r\n${body}` +
      `${forwarded}transfer-encoding: chunked\r\n\r\n${body!.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ]);
  });
}

Deno.test("a chunked upload that turns out malformed is never completed at the origin", async () => {
  const seen = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readUntil("hello\r\n");
    seen.resolve();
    await connection.closed();
    ended.resolve(connection.received);
  });
  await using proxy = testProxy(origin.address);
  using client = await rawClient(proxy.address);
  await client.write(
    `POST / HTTP/1.1\r\n${FIELDS}${CLOSE}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
  );
  await seen.promise;
  await client.write("zz\r\nhello\r\n0\r\n\r\n");
  assertEquals(
    await ended.promise,
    `POST / HTTP/1.1\r\n${FORWARDED}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`,
  );
  await client.closed();
  assertEquals(statusOf(client.received), 400);
});

Deno.test("an upload that is cut short is never completed at the origin", async () => {
  for (
    const framing of [
      "Content-Length: 70000\r\n\r\nhello",
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ]
  ) {
    const seen = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<string>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readUntil("hello");
      seen.resolve();
      await connection.closed();
      ended.resolve(connection.received);
    });
    await using proxy = testProxy(origin.address);
    const client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\n${FIELDS}${framing}`);
    await seen.promise;
    client.close();
    assertEquals(await ended.promise, `POST / HTTP/1.1\r\n${FORWARDED}${framing.toLowerCase()}`);
    assertEquals((await proxy.ended(1)).status, 499);
  }
});

Deno.test("bytes behind a request that asks for an upgrade are a request, not a tunnel", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  await send(
    proxy.address,
    `GET /1 HTTP/1.1\r\n${FIELDS}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n` +
      `GET /2 HTTP/1.1\r\n${FIELDS}${CLOSE}\r\n`,
  );
  assertEquals(origin.received, [
    `GET /1 HTTP/1.1\r\n${FORWARDED}\r\nGET /2 HTTP/1.1\r\n${FORWARDED}\r\n`,
  ]);
});

Deno.test("bytes behind a refused CONNECT are a request, not a tunnel", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  const answers = await send(
    proxy.address,
    `CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nGET /2 HTTP/1.1\r\n${FIELDS}${CLOSE}\r\n`,
  );
  assertEquals([...answers.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status), ["405", "200"]);
  assertEquals(origin.received, [`GET /2 HTTP/1.1\r\n${FORWARDED}\r\n`]);
});
