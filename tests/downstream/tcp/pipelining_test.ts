/** Requests that come before the answer to the one ahead of them: each has its turn, none is lost or answered twice. */
import { assertEquals } from "@std/assert";
import { rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { send, statusOf } from "../../support/send.ts";
import { chunked, parseMessage, responseText, within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const LAST = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** An origin that answers with what it was asked: the target, and the body if there is one. */
function echo() {
  return wireOrigin(({ line, body }) => responseText(`<${line.split(" ")[1]} ${body}>`));
}

/** The bodies of answers on one connection, in order. */
function bodiesOf(received: string): string[] {
  return [...received.matchAll(/<[^>]*>/g)].map(([body]) => body);
}

Deno.test("fifty requests in one packet are answered in order", async () => {
  await using origin = echo();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const targets = Array.from({ length: 49 }, (_, i) => `/${i}`);
  const text = targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).join("") + LAST;
  const answers = await send(proxy.address, text);
  assertEquals(bodiesOf(answers), [...targets, "/last"].map((target) => `<${target} >`));
  assertEquals(origin.requests.map(({ line }) => line.split(" ")[1]), [...targets, "/last"]);
  assertEquals((await proxy.ended(50), proxy.counters.requests), 50);
});

Deno.test("a head that is split over packets, behind a whole one, is read as one", async () => {
  await using origin = echo();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(`GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHo`);
  await within(client.readUntil("</1 >"), "the first answer");
  await client.write(`st: a\r\n\r\n${LAST}`);
  await within(client.closed(), "the end");
  assertEquals(bodiesOf(client.received), ["</1 >", "</2 >", "</last >"]);
});

Deno.test("quick requests behind a slow one wait for it", async () => {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const lines: string[] = [];
  await using origin = rawOrigin(async (connection) => {
    for (let head; (head = await connection.readHead()) !== null;) {
      const target = head.split(" ")[1]!;
      lines.push(target);
      if (target === "/slow") {
        asked.resolve();
        await released.promise;
      }
      await connection.write(responseText(`<${target}>`));
    }
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(
    `GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /quick HTTP/1.1\r\nHost: a\r\n\r\n${LAST}`,
  );
  await within(asked.promise, "the slow request");
  assertEquals([lines, client.received], [["/slow"], ""]);
  released.resolve();
  await within(client.closed(), "the answers");
  assertEquals(bodiesOf(client.received), ["</slow>", "</quick>", "</last>"]);
  assertEquals(lines, ["/slow", "/quick", "/last"]);
});

const BODY = "hello GET /poison HTTP/1.1\r\n\r\n";
const POSTS: [framing: string, text: string][] = [
  ["a length", `Content-Length: ${BODY.length}\r\n\r\n${BODY}`],
  ["chunks", `Transfer-Encoding: chunked\r\n\r\n${chunked([BODY.slice(0, 9), BODY.slice(9)])}`],
];

for (const [framing, text] of POSTS) {
  Deno.test(`a GET behind a POST with ${framing} begins where its body ends`, async () => {
    await using origin = echo();
    await using proxy = testProxy(origin.address, { front: "tcp" });
    const post = `POST /post HTTP/1.1\r\nHost: a\r\n${text}`;
    const answers = await send(proxy.address, `${post}GET /get HTTP/1.1\r\nHost: a\r\n\r\n${post}${LAST}`);
    assertEquals(bodiesOf(answers), [`</post ${BODY}>`, "</get >", `</post ${BODY}>`, "</last >"]);
  });
}

for (
  const [what, bad] of [
    ["malformed", "GET / HTTP/1.1\r\nHost: a\r\nbad line\r\n\r\n"],
    [
      "framed in two ways",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ["without Host", "GET / HTTP/1.1\r\n\r\n"],
    ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"],
  ]
) {
  Deno.test(`what comes behind a refused request is not answered: ${what}`, async () => {
    await using origin = echo();
    await using proxy = testProxy(origin.address, { front: "tcp" });
    const answers = await send(proxy.address, `GET /first HTTP/1.1\r\nHost: a\r\n\r\n${bad}${LAST}`);
    assertEquals(answers.match(/HTTP\/1\.1 \d{3}/g), [
      "HTTP/1.1 200",
      `HTTP/1.1 ${bad!.startsWith("C") ? 405 : 400}`,
    ]);
    assertEquals(origin.requests.length, 1);
    assertEquals(proxy.entries.length, 2);
  });
}

Deno.test("what comes behind a request that asks to close is not answered", async () => {
  await using origin = echo();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const answers = await send(proxy.address, LAST + LAST.repeat(3));
  assertEquals([bodiesOf(answers), origin.requests.length], [["</last >"], 1]);
});

Deno.test("a request that is sent while the answer before streams is answered behind it", async () => {
  const rest = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    for (let head; (head = await connection.readHead()) !== null;) {
      if (!head.startsWith("GET /stream ")) await connection.write(responseText("next"));
      else {
        await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n");
        await rest.promise;
        await connection.write("3\r\nend\r\n0\r\n\r\n");
      }
    }
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  await within(client.readUntil("begin"), "the beginning");
  await client.write(LAST);
  rest.resolve();
  await within(client.closed(), "the end");
  const at = client.received.lastIndexOf("HTTP/1.1 200 ");
  const first = parseMessage(client.received.slice(0, at));
  assertEquals([first.body, first.complete], ["beginend", true]);
  assertEquals(parseMessage(client.received.slice(at)).body, "next");
});

Deno.test("empty lines between requests are skipped", async () => {
  await using origin = echo();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const answers = await send(proxy.address, `\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n${LAST}`);
  assertEquals([statusOf(answers), bodiesOf(answers)], [200, ["</1 >", "</last >"]]);
});
