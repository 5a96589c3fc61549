/** Answers without content on the own server: which of the fields that frame a body they have, and that none follows. */
import { assertEquals } from "@std/assert";
import { testProxy } from "../../support/proxy.ts";
import { send, valuesOf } from "../../support/send.ts";
import { chunked, responseText } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";
const HELLO = "Content-Length: 5\r\n\r\n";

interface Case {
  what: string;
  method: "GET" | "HEAD";
  /** What the origin writes. */
  response: string;
  /** The client's Content-Length. */
  length: string[];
}

const CASES: Case[] = [
  { what: "HEAD with a length", method: "HEAD", response: `HTTP/1.1 200 OK\r\n${HELLO}`, length: ["5"] },
  { what: "HEAD without one", method: "HEAD", response: "HTTP/1.1 200 OK\r\n\r\n", length: [] },
  { what: "HEAD of a chunked one", method: "HEAD", response: `HTTP/1.1 200 OK\r\n${CHUNKED}`, length: [] },
  {
    what: "HEAD of none",
    method: "HEAD",
    response: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    length: ["0"],
  },
  { what: "204", method: "GET", response: "HTTP/1.1 204 No Content\r\n\r\n", length: [] },
  {
    what: "204 with a length, which it must not have",
    method: "GET",
    response: `HTTP/1.1 204 X\r\n${HELLO}`,
    length: [],
  },
  { what: "204 to HEAD", method: "HEAD", response: `HTTP/1.1 204 X\r\n${HELLO}`, length: [] },
  { what: "205", method: "GET", response: "HTTP/1.1 205 X\r\nContent-Length: 0\r\n\r\n", length: ["0"] },
  { what: "205 in chunks", method: "GET", response: `HTTP/1.1 205 X\r\n${CHUNKED}0\r\n\r\n`, length: ["0"] },
  {
    what: "205 with content, which is dropped",
    method: "GET",
    response: `HTTP/1.1 205 X\r\n${HELLO}hello`,
    length: ["0"],
  },
  {
    what: "205 in chunks with content",
    method: "GET",
    response: `HTTP/1.1 205 X\r\n${CHUNKED}${chunked(["hello"])}`,
    length: ["0"],
  },
  { what: "304", method: "GET", response: "HTTP/1.1 304 Not Modified\r\n\r\n", length: [] },
  {
    what: "304 with the length of what is not sent",
    method: "GET",
    response: `HTTP/1.1 304 X\r\n${HELLO}`,
    length: ["5"],
  },
  { what: "304 of a chunked one", method: "GET", response: `HTTP/1.1 304 X\r\n${CHUNKED}`, length: [] },
  { what: "304 to HEAD", method: "HEAD", response: `HTTP/1.1 304 X\r\n${HELLO}`, length: ["5"] },
  { what: "200 with nothing in it", method: "GET", response: responseText(""), length: ["0"] },
  {
    what: "200 in chunks with nothing in it",
    method: "GET",
    response: `HTTP/1.1 200 OK\r\n${CHUNKED}0\r\n\r\n`,
    length: ["0"],
  },
];

for (const { what, method, response, length } of CASES) {
  Deno.test(`an answer without content, and the next one right behind it: ${what}`, async () => {
    await using origin = wireOrigin(({ line }) => line.includes("/next") ? responseText("next") : response);
    await using proxy = testProxy(origin.address, { front: "tcp" });
    const answers = await send(
      proxy.address,
      `${method} / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    const [first, second, ...rest] = answers.split("\r\n\r\n");
    const head = `${first}\r\n\r\n`;
    assertEquals(head.slice(9, 12), response.slice(9, 12));
    assertEquals([valuesOf(head, "content-length"), valuesOf(head, "transfer-encoding")], [length, []]);
    assertEquals([second!.startsWith("HTTP/1.1 200 "), rest], [true, ["next"]]);
    assertEquals((await proxy.ended(2)).flag, "-");
  });
}

Deno.test("a failure has a length, and to HEAD neither that nor content", async () => {
  await using proxy = testProxy({}, { front: "tcp" });
  for (const method of ["GET", "HEAD"]) {
    const answer = await send(proxy.address, `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const content = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    assertEquals(answer.slice(9, 12), "404");
    assertEquals(valuesOf(answer, "content-length"), method === "HEAD" ? [] : [String(content.length)]);
    assertEquals(content === "", method === "HEAD");
  }
});

for (
  const [what, status, answer] of [
    ["204", 204, () => new Response(null, { status: 204, headers: { "content-length": "5" } })],
    ["304", 304, () => new Response(null, { status: 304, headers: { etag: '"x"' } })],
    ["205", 205, () => new Response(null, { status: 205 })],
    ["nothing", 200, () => new Response(null)],
  ] as const
) {
  Deno.test(`a hook's Response without content is followed by the next answer: ${what}`, async () => {
    await using proxy = testProxy({
      requestFilter: ({ request }) => request.target === "/next" ? new Response("next") : answer(),
    }, { front: "tcp" });
    const answers = await send(
      proxy.address,
      "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    const [first, second] = answers.split("\r\n\r\n");
    const head = `${first}\r\n\r\n`;
    assertEquals(head.slice(9, 12), String(status));
    assertEquals(valuesOf(head, "content-length"), status === 200 || status === 205 ? ["0"] : []);
    assertEquals(second!.startsWith("HTTP/1.1 200 "), true);
  });
}
