// What cannot be tested here: Deno.serve takes every framing field out of a 205, also one that the handler sets, and
// the client would wait for the connection's end. A 205 therefore reaches the client as a 204, never as itself.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkRelayed, partsOrigin, type Relayed } from "../support/parts_origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, requestText, valueOf } from "../support/wire.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const NO_CONTENT = "HTTP/1.1 204 No Content\r\n";
const RESET = "HTTP/1.1 205 Reset Content\r\n";
const NOT_MODIFIED = 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n';
const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";
const POISON = `${OK}content-length: 6\r\n\r\npoison`;

const head: Omit<Relayed, "body" | "method">[] = [
  {
    name: "HEAD with content-length",
    parts: [`${OK}Content-Length: 5\r\n\r\n`],
    fields: { "content-length": "5" },
    reused: true,
  },
  {
    name: "HEAD with a large content-length",
    parts: [`${OK}Content-Length: 5000000000\r\n\r\n`],
    fields: { "content-length": "5000000000" },
    reused: true,
  },
  { name: "HEAD with chunked", parts: [OK + CHUNKED], reused: true },
  { name: "HEAD without framing", parts: [`${OK}A: b\r\n\r\n`], fields: { a: "b" }, reused: true },
  {
    name: "HEAD with close",
    parts: [`${OK}Connection: close\r\nContent-Length: 5\r\n\r\n`],
    fields: { "content-length": "5" },
    reused: false,
  },
  {
    name: "HEAD with 304",
    status: 304,
    parts: [`${NOT_MODIFIED}Content-Length: 5\r\n\r\n`],
    fields: { etag: '"x"' },
    reused: true,
  },
  {
    name: "a body behind a HEAD's answer",
    parts: [`${OK}Content-Length: 44\r\n\r\n${POISON}`],
    fields: { "content-length": "44" },
    reused: false,
  },
  { name: "chunks behind a HEAD's answer", parts: [`${OK + CHUNKED}5\r\nhello\r\n0\r\n\r\n`], reused: false },
];

const noContent: Omit<Relayed, "body" | "status">[] = [
  {
    name: "204",
    parts: [`${NO_CONTENT}A: b\r\n\r\n`],
    fields: { a: "b", "transfer-encoding": null },
    reused: true,
  },
  {
    name: "204 with content-length 0",
    parts: [`${NO_CONTENT}Content-Length: 0\r\n\r\n`],
    fields: { "content-length": null },
    reused: true,
  },
  {
    name: "204 with chunked",
    parts: [NO_CONTENT + CHUNKED],
    fields: { "transfer-encoding": null },
    reused: true,
  },
  {
    name: "a body behind a 204",
    parts: [`${NO_CONTENT}Content-Length: 44\r\n\r\n${POISON}`],
    fields: { "content-length": null },
    reused: false,
  },
];

const notModified: Omit<Relayed, "body" | "status">[] = [
  {
    name: "304",
    parts: [`${NOT_MODIFIED}\r\n`],
    fields: { etag: '"x"', "transfer-encoding": null },
    reused: true,
  },
  {
    name: "304 with the length of what was not modified",
    parts: [`${NOT_MODIFIED}Content-Length: 1234\r\n\r\n`],
    fields: { etag: '"x"' },
    reused: true,
  },
  {
    name: "304 with chunked",
    parts: [NOT_MODIFIED + CHUNKED],
    fields: { "transfer-encoding": null },
    reused: true,
  },
  {
    name: "a body behind a 304",
    parts: [`${NOT_MODIFIED}Content-Length: 44\r\n\r\n${POISON}`],
    reused: false,
  },
];

const cases: Relayed[] = [
  ...head.map((one) => ({ ...one, method: "HEAD", body: "" })),
  ...noContent.map((one) => ({ ...one, status: 204, body: "" })),
  ...notModified.map((one) => ({ ...one, status: 304, body: "" })),
];

for (const one of cases) {
  Deno.test(`framing of a response without body: ${one.name}`, () => checkRelayed(one));

  Deno.test(`a client's next request on the same connection is answered after ${one.name}`, async () => {
    await using origin = partsOrigin(one.parts);
    await using proxy = testProxy(origin.address);
    const method = one.method ?? "GET";
    const text = await send(
      proxy.address,
      `${method} /1 HTTP/1.1\r\nHost: a\r\n\r\n${requestText(method, "/2")}`,
    );
    const [first, second, ...rest] = text.split("\r\n\r\n");
    for (const answer of [first, second]) assertStringIncludes(answer!, `HTTP/1.1 ${one.status ?? 200} `);
    assertEquals(rest, [""]);
  });
}

for (const framing of [CHUNKED, "\r\n", "Content-Length: 5\r\n\r\n"]) {
  Deno.test(`an answer to HEAD gets no invented content-length: ${JSON.stringify(framing)}`, async () => {
    await using origin = partsOrigin([OK + framing]);
    await using proxy = testProxy(origin.address);
    const { fields } = parseMessage(await send(proxy.address, requestText("HEAD", "/")));
    assertEquals(valueOf(fields, "content-length"), /Length: (\d+)/.exec(framing)?.[1] ?? null);
  });
}

const reset: [name: string, response: string, reused: boolean][] = [
  ["without framing", `${RESET}\r\n`, false],
  ["with content-length 0", `${RESET}Content-Length: 0\r\n\r\n`, true],
  ["with a body", `${RESET}Content-Length: 5\r\n\r\nhello`, false],
  ["with a body that never comes", `${RESET}Content-Length: 5\r\n\r\n`, false],
  ["with a chunked body", `${RESET + CHUNKED}5\r\nhello\r\n0\r\n\r\n`, false],
];

for (const [name, response, reused] of reset) {
  Deno.test(`a 205 reaches the client as a 204, which nobody waits behind: ${name}`, async () => {
    await using origin = partsOrigin([response]);
    await using proxy = testProxy(origin.address);
    const text = await send(proxy.address, `GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${requestText("GET", "/2")}`);
    const answers = text.split("\r\n\r\n");
    assertEquals([answers.length, answers[2]], [3, ""]);
    for (const answer of answers.slice(0, 2)) {
      const { status, fields } = parseMessage(`${answer}\r\n\r\n`);
      assertEquals(status, 204);
      assertEquals([valueOf(fields, "transfer-encoding"), valueOf(fields, "content-length")], [null, null]);
    }
    assertEquals([origin.connections, proxy.idleConnections], reused ? [1, 1] : [2, 0]);
  });
}
