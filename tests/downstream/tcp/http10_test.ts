/** HTTP/1.0 clients, and what keeps or closes the connections of either version. */
import { assertEquals } from "@std/assert";
import { type Origin, rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { send, statusOf, valuesOf } from "../../support/send.ts";
import { chunked, parseMessage, responseText, valueOf, within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const CHUNKED = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(["hel", "lo"])}`;

type Kept = "" | "keep-alive" | "close";

/** What a client says, and what it is told: nothing or keep-alive of a connection that goes on, close of one that ends. */
const CONNECTIONS: [version: string, wish: string, response: string, told: Kept][] = [
  ["1.1", "", responseText("hello"), ""],
  ["1.1", "keep-alive", responseText("hello"), ""],
  ["1.1", "close", responseText("hello"), "close"],
  ["1.1", "CLOSE", responseText("hello"), "close"],
  ["1.1", "x, close", responseText("hello"), "close"],
  ["1.1", "keep-alive, close", responseText("hello"), "close"],
  ["1.1", "closed", responseText("hello"), ""],
  ["1.1", "", CHUNKED, ""],
  ["1.0", "", responseText("hello"), "close"],
  ["1.0", "close", responseText("hello"), "close"],
  ["1.0", "keep-alive", responseText("hello"), "keep-alive"],
  ["1.0", "Keep-Alive", responseText("hello"), "keep-alive"],
  ["1.0", "keep-alive", CHUNKED, "keep-alive"],
];

for (const [version, wish, response, told] of CONNECTIONS) {
  const coding = response === CHUNKED ? "chunked" : "length";
  Deno.test(`HTTP/${version} with Connection: ${wish || "(none)"} and a ${coding} is told ${told || "nothing"}`, async () => {
    await using origin = wireOrigin(() => response);
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await rawClient(proxy.address);
    const request = `GET / HTTP/${version}\r\nHost: a\r\n${wish && `Connection: ${wish}\r\n`}\r\n`;
    const rounds = told === "close" ? 1 : 2;
    for (let i = 0; i < rounds; i++) {
      const from = client.received.length;
      await client.write(request);
      await within(client.readUntil("lo", from), "the answer");
      const head = client.received.slice(from);
      assertEquals([head.slice(0, 13), valuesOf(head, "connection")], ["HTTP/1.1 200 ", told ? [told] : []]);
    }
    assertEquals(origin.requests.length, rounds);
    if (told === "close") await within(client.closed(), "the end of the connection");
  });
}

/** An origin whose chunked response goes on, with `rest`, only when the client has the beginning. */
function streamingOrigin(rest: string): { origin: Origin; goOn: () => void } {
  const begun = Promise.withResolvers<void>();
  const origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(
      "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
    );
    await begun.promise;
    await connection.write(rest);
    await connection.closed();
  });
  return { origin, goOn: begun.resolve };
}

for (const wish of ["", "Connection: keep-alive\r\n"]) {
  Deno.test(`a chunked response goes to an HTTP/1.0 client until the close${wish && ", which wished for none"}`, async () => {
    const { origin, goOn } = streamingOrigin("2\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n");
    await using _ = origin;
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(`GET / HTTP/1.0\r\nHost: a\r\n${wish}\r\n`);
    await within(client.readUntil("hel"), "the beginning");
    goOn();
    await within(client.closed(), "the end");
    const { body, framing, fields } = parseMessage(client.received);
    assertEquals([body, framing, valueOf(fields, "connection")], ["hello", "close", "close"]);
    assertEquals(["transfer-encoding", "trailer"].map((name) => valueOf(fields, name)), [null, null]);
    assertEquals((await proxy.ended(1)).flag, "-");
  });
}

Deno.test("a chunked response that is at hand goes to an HTTP/1.0 client with a length", async () => {
  await using origin = wireOrigin(() => CHUNKED);
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const answer = parseMessage(await send(proxy.address, "GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
  assertEquals([answer.body, answer.framing, answer.complete], ["hello", "length", true]);
});

Deno.test("a chunked response that breaks off in front of an HTTP/1.0 client is a failure in the log", async () => {
  const { origin, goOn } = streamingOrigin("zz\r\n");
  await using _ = origin;
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  await within(client.readUntil("hel"), "the beginning");
  goOn();
  await within(client.closed(), "the end");
  assertEquals((await proxy.ended(1)).flag, "UPE");
});

Deno.test("an HTTP/1.0 request without Host goes out with the address it was sent to", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  assertEquals(statusOf(await send(proxy.address, "GET /x HTTP/1.0\r\n\r\n")), 200);
  const { line, text } = origin.requests[0]!;
  assertEquals([line, valuesOf(text, "host")], ["GET /x HTTP/1.1", [proxy.address]]);
});

Deno.test("an HTTP/1.0 upload with a length arrives, one in chunks is refused", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const post = "POST / HTTP/1.0\r\nHost: a\r\n";
  assertEquals(statusOf(await send(proxy.address, `${post}Content-Length: 2\r\n\r\nhi`)), 200);
  assertEquals(
    statusOf(await send(proxy.address, `${post}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)),
    400,
  );
  assertEquals(origin.requests.map(({ body }) => body), ["hi"]);
});

Deno.test("the last of maxRequests is told close, and what is sent behind it is not answered", async () => {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp", maxRequests: 3 });
  const answers = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5));
  const heads = answers.split("\r\n\r\n").slice(0, -1);
  assertEquals(heads.map((head) => valuesOf(`${head}\r\n\r\n`, "connection")), [[], [], ["close"]]);
  assertEquals(origin.requests.length, 3);
});

Deno.test("a failed request does not cost its client the connection", async () => {
  await using origin = wireOrigin(({ line }) =>
    line.includes("/bad") ? "nonsense\r\n\r\n" : responseText("fine")
  );
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const answers = await send(
    proxy.address,
    "GET /bad HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  assertEquals(answers.match(/HTTP\/1\.1 \d{3}/g), ["HTTP/1.1 502", "HTTP/1.1 200"]);
});
