/** A hook's Response that says the wrong length of itself: the connection ends rather than get out of step. */
import { assertEquals } from "@std/assert";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf } from "../../support/send.ts";
import { parseMessage, within } from "../../support/wire.ts";

const NEXT = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/** The lengths said of "hello"; what is left of it, and whether the next request is answered. */
const LENGTHS: [length: string, body: string, isComplete: boolean, goesOn: boolean][] = [
  ["5", "hello", true, true],
  ["3", "hel", true, true],
  ["0", "", true, true],
  ["9", "hello", false, false],
];

for (const [length, body, isComplete, goesOn] of LENGTHS) {
  for (const pieces of [["hello"], ["h", "ell", "o"]]) {
    Deno.test(`a hook's "hello" in ${pieces.length} pieces with content-length ${length}`, async () => {
      let cancelled = false;
      await using proxy = testProxy({
        requestFilter({ request }) {
          if (request.target === "/next") return new Response("next");
          const left = pieces.map((piece) => new TextEncoder().encode(piece));
          const stream = new ReadableStream<Uint8Array>({
            pull(controller) {
              const piece = left.shift();
              if (piece === undefined) controller.close();
              else controller.enqueue(piece);
            },
            cancel: () => void (cancelled = true),
          }, { highWaterMark: 0 });
          return new Response(stream, { headers: { "content-length": length } });
        },
      }, { front: "tcp" });
      using client = await rawClient(proxy.address);
      await client.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`);
      await within(client.closed(), "the end of the connection");
      const at = client.received.lastIndexOf("HTTP/1.1 ");
      const first = goesOn ? client.received.slice(0, at) : client.received;
      const message = parseMessage(first);
      assertEquals([message.status, message.body, message.complete], [200, body, isComplete]);
      if (goesOn) {
        assertEquals([statusOf(client.received.slice(at)), parseMessage(client.received.slice(at)).body], [
          200,
          "next",
        ]);
      } else assertEquals(at, 0);
      await within(proxy.ended(goesOn ? 2 : 1), "the log entries");
      assertEquals(proxy.counters.active, 0);
      const { status, flag } = proxy.entries.find(({ target }) => target === "/")!;
      assertEquals([status, flag], [200, body !== "hello" ? "IE" : "-"]);
      if (body.length < 5) assertEquals(cancelled || pieces.length === 1, true, "the rest is given up");
    });
  }
}

for (const length of ["abc", "5, 5", "-1", "0x10", "1e1", "", "+5", "5.0"]) {
  Deno.test(`a hook's Response with content-length ${JSON.stringify(length)} gets no such length`, async () => {
    await using proxy = testProxy({
      requestFilter: ({ request }) =>
        new Response(request.target === "/next" ? "next" : "hello", {
          headers: request.target === "/next" ? {} : { "content-length": length },
        }),
    }, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n`);
    await within(client.readUntil("hello"), "the answer");
    await client.write(NEXT);
    await within(client.closed(), "the end of the connection");
    const at = client.received.lastIndexOf("HTTP/1.1 ");
    const { body, complete, framing } = parseMessage(client.received.slice(0, at));
    assertEquals([body, complete, framing], ["hello", true, "chunked"]);
  });
}
