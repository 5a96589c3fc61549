/** Methods, versions and sizes that a front has to make up its mind about. */
import { assertEquals, assertMatch } from "@std/assert";
import { cannedOrigin, rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const CLOSE = "Host: a\r\nConnection: close\r\n";
const FRAMING = ["content-length", "transfer-encoding"];

Deno.test("CONNECT is answered with 405 and Allow, whatever its target", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  for (const [target, host] of [["a:443", "a:443"], ["a:443", "a"]]) {
    const answer = await send(
      proxy.address,
      `CONNECT ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    assertEquals(statusOf(answer), 405, target);
    assertEquals(valuesOf(answer, "allow"), ["GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]);
  }
  assertEquals(origin.connections, 0);
});

Deno.test("TRACE is answered with 405 and Allow", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  const answer = await send(proxy.address, `TRACE / HTTP/1.1\r\n${CLOSE}\r\n`);
  assertEquals([statusOf(answer), valuesOf(answer, "allow").length, origin.connections], [405, 1, 0]);
});

Deno.test("TRACE is forwarded when the options allow it", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy({
    options: { allowTrace: true },
    upstreamPeer: () => ({ address: origin.address }),
  });
  const answer = await send(proxy.address, `TRACE /x HTTP/1.1\r\n${CLOSE}\r\n`);
  assertEquals([statusOf(answer), origin.requests.map(({ line }) => line)], [200, ["TRACE /x HTTP/1.1"]]);
});

// Deno.serve gives "OPTIONS *" and "OPTIONS /*" alike; the first, which the standard knows, is taken to be meant.
Deno.test("OPTIONS * is forwarded as OPTIONS *, and hooks see it so", async () => {
  const seen: string[] = [];
  await using origin = wireOrigin();
  await using proxy = testProxy({
    requestFilter: ({ request }) => void seen.push(request.target),
    upstreamPeer: () => ({ address: origin.address }),
  });
  await send(proxy.address, `OPTIONS * HTTP/1.1\r\n${CLOSE}\r\n`);
  await send(proxy.address, `OPTIONS /a HTTP/1.1\r\n${CLOSE}\r\n`);
  assertEquals(origin.requests.map(({ line }) => line), ["OPTIONS * HTTP/1.1", "OPTIONS /a HTTP/1.1"]);
  assertEquals(seen, ["*", "/a"]);
});

Deno.test("the target * is refused for any other method", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  const answer = await send(proxy.address, `GET * HTTP/1.1\r\n${CLOSE}\r\n`);
  assertEquals([statusOf(answer), origin.connections], [400, 0]);
});

Deno.test("HEAD keeps the length of the response and has no body; the connection goes on", async () => {
  await using origin = wireOrigin(({ line }) =>
    `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${line.startsWith("HEAD") ? "" : "hello"}`
  );
  await using proxy = testProxy(origin.address);
  const answers = await send(
    proxy.address,
    `HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n${CLOSE}\r\n`,
  );
  const [head, second, ...more] = answers.split("\r\n\r\n");
  assertEquals([statusOf(answers), valuesOf(`${head}\r\n\r\n`, "content-length")], [200, ["5"]]);
  assertEquals([statusOf(second!), more], [200, ["hello"]]);
  assertEquals([origin.connections, origin.requests.length], [1, 2]);
});

const FRAMED: [method: string, fields: string[]][] = [
  ["GET", []],
  ["HEAD", []],
  ["DELETE", []],
  ["OPTIONS", []],
  ["PROPFIND", []],
  ["QUERY", []],
  ["POST", ["content-length: 0"]],
  ["PUT", ["content-length: 0"]],
  ["PATCH", ["content-length: 0"]],
];

for (const [method, fields] of FRAMED) {
  Deno.test(`${method} without a body is forwarded with [${fields}] as its framing`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address);
    await send(proxy.address, `${method} / HTTP/1.1\r\n${CLOSE}\r\n`);
    const [request] = origin.requests;
    assertEquals(request!.line, `${method} / HTTP/1.1`);
    assertEquals(request!.fields.filter((field) => FRAMING.includes(field.split(":")[0]!)), fields);
  });
}

for (const method of ["GET", "HEAD"]) {
  Deno.test(`${method} of content-length 0 is forwarded without a length`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address);
    const answer = await send(proxy.address, `${method} / HTTP/1.1\r\n${CLOSE}Content-Length: 0\r\n\r\n`);
    assertEquals(statusOf(answer), 200);
    assertEquals(FRAMING.flatMap((name) => valuesOf(origin.received[0]!, name)), []);
  });
}

Deno.test("a client that expects 100-continue gets it before its body, and the origin does not see the wish", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  for (
    const [framing, body] of [["Content-Length: 5", "hello"], [
      "Transfer-Encoding: chunked",
      "5\r\nhello\r\n0\r\n\r\n",
    ]]
  ) {
    using client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\n${CLOSE}Expect: 100-continue\r\n${framing}\r\n\r\n`);
    assertEquals(statusOf(await client.readHead() ?? ""), 100);
    await client.write(body!);
    assertEquals(statusOf(await client.readHead() ?? ""), 200);
  }
  assertEquals(origin.requests.map(({ body, text }) => [body, valuesOf(text, "expect")]), [["hello", []], [
    "hello",
    [],
  ]]);
});

Deno.test("an Expect of anything else is not forwarded either", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  const answer = await send(
    proxy.address,
    `POST / HTTP/1.1\r\n${CLOSE}Expect: miracles\r\nContent-Length: 2\r\n\r\nhi`,
  );
  assertEquals([statusOf(answer), valuesOf(origin.received[0]!, "expect")], [200, []]);
});

Deno.test("a HTTP/1.0 client is answered in HTTP/1.0, and its connection ends", async () => {
  await using origin = cannedOrigin("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  await using proxy = testProxy(origin.address);
  const answer = await send(proxy.address, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  assertMatch(answer, /^HTTP\/1\.0 200 [\s\S]*\r\n\r\nhello$/);
  assertEquals([valuesOf(answer, "content-length"), valuesOf(answer, "transfer-encoding")], [["5"], []]);
});

// Deno.serve ends a stream to such a client by closing, also when the stream failed: a cut body looks complete to it.
Deno.test("a HTTP/1.0 client gets a chunked response as plain bytes up to the end of the connection", async () => {
  const half = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    await half.promise;
    await connection.write("6\r\n world\r\n0\r\n\r\n");
    await connection.closed();
  });
  await using proxy = testProxy(origin.address);
  using client = await rawClient(proxy.address);
  await client.write("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  await client.readUntil("hello");
  half.resolve();
  await client.closed();
  assertMatch(client.received, /^HTTP\/1\.0 200 [\s\S]*\r\n\r\nhello world$/);
  assertEquals(FRAMING.flatMap((name) => valuesOf(client.received, name)), []);
});

Deno.test("a HTTP/1.0 client that asks for keep-alive may send more requests; the origin gets HTTP/1.1", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  using client = await rawClient(proxy.address);
  for (const path of ["/1", "/2"]) {
    await client.write(`GET ${path} HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n`);
    assertMatch(await client.readHead() ?? "", /^HTTP\/1\.0 200 /);
  }
  await client.write("GET /3 HTTP/1.0\r\nHost: a\r\n\r\n");
  await client.closed();
  assertEquals(
    origin.requests.map(({ line }) => line),
    ["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1`),
  );
});
