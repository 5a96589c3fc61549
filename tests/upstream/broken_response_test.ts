// What cannot be tested here: to an HTTP/1.0 client Deno.serve delimits a streamed body by closing, in whatever way it
// ended, so that such a client cannot tell a body that was cut short.
import { assert, assertEquals } from "@std/assert";
import { onBothFronts } from "../support/fronts.ts";
import { rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { resetOrigin } from "../support/reset_origin.ts";
import { send } from "../support/send.ts";
import { chunked, letters, parseMessage, requestText, responseText, within } from "../support/wire.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const ENDED = "the upstream connection's end";

const malformed: [name: string, response: string][] = [
  ["no HTTP", "220 mail.example.com ESMTP\r\n"],
  ["HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"],
  ["status 600", "HTTP/1.1 600 Odd\r\n\r\n"],
  ["a bare LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"],
  ["a bare CR in a value", `${OK}A: b\rContent-Length: 9\r\nContent-Length: 2\r\n\r\nok`],
  ["a folded line", `${OK}A: b\r\n c\r\nContent-Length: 2\r\n\r\nok`],
  ["NUL in a value", `${OK}A: \0\r\nContent-Length: 2\r\n\r\nok`],
  ["a space before the colon", `${OK}Content-Length : 2\r\n\r\nok`],
  ["no colon", `${OK}Content-Length\r\n\r\nok`],
  ["two content-lengths", `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!`],
  ["two equal content-lengths", `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`],
  ["a list of content-lengths", `${OK}Content-Length: 2, 2\r\n\r\nok`],
  ["a signed content-length", `${OK}Content-Length: +2\r\n\r\nok`],
  [
    "transfer-encoding and content-length",
    `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ["an unknown transfer-encoding", `${OK}Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n`],
  ["transfer-encoding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["too many fields", `${OK}${"A: b\r\n".repeat(201)}Content-Length: 2\r\n\r\nok`],
  ["a head without end", `${OK}A: ${"b".repeat(100_000)}`],
  ["a malformed first chunk size", `${CHUNKED}0x2\r\nok\r\n0\r\n\r\n`],
  ["a chunk size ended by a bare LF", `${CHUNKED}2\nok\r\n0\r\n\r\n`],
];

for (const [name, response] of malformed) {
  Deno.test(`a malformed response is a 502 and costs its connection: ${name}`, async () => {
    const dropped = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write(response).catch(() => {});
      await connection.closed();
      dropped.resolve();
    });
    await using proxy = testProxy(origin.address);
    const message = parseMessage(await send(proxy.address, requestText("GET", "/")));
    assertEquals([message.status, message.complete], [502, true]);
    assert(/^502 Bad Gateway\nrequest id: [\w-]+\n$/.test(message.body), message.body);
    await within(dropped.promise, ENDED);
    const entry = await proxy.ended(1);
    assertEquals([entry.flag, entry.attempts, origin.connections, proxy.idleConnections], ["UPE", 1, 1, 0]);
  });
}

/** What the origin sends before it goes, and what the client may get: a 502, or a body that is seen to be cut. */
const cut: [name: string, sent: string, flag: "UC" | "UPE"][] = [
  ["nothing", "", "UC"],
  ["a piece of the status line", "HTTP/1.1 2", "UC"],
  ["a piece of the head", `${OK}Content-Length: 2\r\n`, "UC"],
  ["a head without its last line", `${OK}Content-Length: 0\r\n\r`, "UC"],
  ["no byte of content-length 1", `${OK}Content-Length: 1\r\n\r\n`, "UC"],
  ["all but a byte of content-length", responseText("hello").slice(0, -1), "UC"],
  [
    "all but a byte of the longest body that is gathered",
    responseText(letters(256 * 1024)).slice(0, -1),
    "UC",
  ],
  ["no byte of a body too long to be gathered", `${OK}Content-Length: 300000\r\n\r\n`, "UC"],
  ["all but a byte of a body too long to be gathered", responseText(letters(300_000)).slice(0, -1), "UC"],
  ["no chunk", CHUNKED, "UC"],
  ["a piece of a chunk size", `${CHUNKED}1`, "UC"],
  ["a piece of a chunk", `${CHUNKED}5\r\nhel`, "UC"],
  ["a chunk without its line end", `${CHUNKED}5\r\nhello`, "UC"],
  ["chunks without the last", `${CHUNKED}5\r\nhello\r\n`, "UC"],
  ["the first half of a large chunk", `${CHUNKED}20000\r\n${letters(0x10000)}`, "UC"],
  ["a large chunk without its last byte", `${CHUNKED}20000\r\n${letters(0x20000 - 1)}`, "UC"],
  ["a last chunk without its line end", `${CHUNKED}5\r\nhello\r\n0\r\n`, "UC"],
  ["a last chunk without its last byte", `${CHUNKED}5\r\nhello\r\n0\r\n\r`, "UC"],
  ["a piece of the trailers", `${CHUNKED}5\r\nhello\r\n0\r\nA: b\r\n`, "UC"],
  ["a malformed second chunk", `${CHUNKED}5\r\nhello\r\n-1\r\n`, "UPE"],
  ["a chunk longer than its size", `${CHUNKED}4\r\nhello\r\n0\r\n\r\n`, "UPE"],
  ["a malformed trailer", `${CHUNKED}5\r\nhello\r\n0\r\nA\r\n\r\n`, "UPE"],
  [
    "a malformed chunk behind large ones",
    `${CHUNKED}${chunked([letters(100_000)]).slice(0, -5)}x\r\n`,
    "UPE",
  ],
];

for (const [name, sent, flag] of cut) {
  onBothFronts(
    `a truncated response never looks complete: the upstream goes after ${name}`,
    async (front) => {
      await using origin = rawOrigin(async (connection) => {
        await connection.readHead();
        await connection.write(sent);
      });
      await using proxy = testProxy(origin.address, { front });
      const text = await send(proxy.address, requestText("GET", "/"));
      const message = parseMessage(text);
      if (message.status === 502) assertEquals(message.complete, true);
      else {assertEquals(
          [message.status, message.complete, message.framing === "close"],
          [200, false, false],
          text.slice(0, 300),
        );}
      const entry = await proxy.ended(1);
      assertEquals([entry.status, entry.flag, entry.attempts], [message.status, flag, 1]);
      assertEquals([origin.connections, proxy.idleConnections], [1, 0]);
    },
  );
}

for (
  const [framing, head] of [["length", `${OK}Content-Length: 10\r\n\r\n`], ["chunked", `${CHUNKED}a\r\n`], [
    "close",
    `${OK}\r\n`,
  ]]
) {
  onBothFronts(`a response that is reset in its body never looks complete: ${framing}`, async (front) => {
    await using origin = await resetOrigin(`${head}hello`);
    await using proxy = testProxy(origin.address, { front });
    using client = await rawClient(proxy.address);
    await client.write(requestText("GET", "/"));
    await within(client.readUntil("hello"), "the first half");
    origin.reset();
    await within(client.closed(), "the end");
    assertEquals(parseMessage(client.received).complete, false);
    assertEquals((await proxy.ended(1)).flag, "UC");
  });
}
