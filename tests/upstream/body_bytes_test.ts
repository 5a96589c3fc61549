import { assert, assertEquals } from "@std/assert";
import { latin1, type Origin, rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, requestText, valueOf, within } from "../support/wire.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const FRAMINGS = ["length", "chunked", "close"] as const;
type Framing = typeof FRAMINGS[number];

/** Bytes of every value without a pattern, the same in every run. */
function noise(length: number): string {
  let state = 0x2545f491;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return latin1(bytes);
}

/** The body in the framing; `sizes` says how long the chunks are, in turns. */
function framed(body: string, framing: Framing, lines = "", sizes = [body.length]): string {
  if (framing === "length") return `${OK}${lines}Content-Length: ${body.length}\r\n\r\n${body}`;
  if (framing === "close") return `${OK}${lines}\r\n${body}`;
  const parts = [`${OK}${lines}Transfer-Encoding: chunked\r\n\r\n`];
  let at = 0;
  for (let i = 0; at < body.length; i++) {
    const piece = body.slice(at, at += sizes[i % sizes.length]!);
    parts.push(`${piece.length.toString(16)}\r\n${piece}\r\n`);
  }
  return `${parts.join("")}0\r\n\r\n`;
}

/** Answers the first request and closes. */
function onceOrigin(response: string): Origin {
  return rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(response);
  });
}

const bodies: [name: string, body: string, sizes: number[]][] = [
  ["one byte", "\0", [1]],
  ["a body the size of the buffer", noise(32 * 1024), [32 * 1024]],
  ["the longest body that is gathered", noise(256 * 1024), [3, 70_000, 1]],
  ["the shortest body that is not", noise(256 * 1024 + 1), [16_383, 16_384, 16_385]],
  ["tiny chunks", noise(100_000), [7, 1, 2]],
  ["5 MB", noise(5_000_000), [1, 100, 1_000_000, 65_536, 30_000]],
];

for (const [name, body, sizes] of bodies) {
  for (const framing of FRAMINGS) {
    Deno.test(`a body arrives byte for byte: ${name}, ${framing}`, async () => {
      await using origin = onceOrigin(framed(body, framing, "", sizes));
      await using proxy = testProxy(origin.address);
      const message = parseMessage(await send(proxy.address, requestText("GET", "/")));
      assertEquals([message.status, message.complete, message.body.length], [200, true, body.length]);
      assert(message.body === body, "the bytes differ");
      const entry = await proxy.ended(1);
      assertEquals([entry.bytesSent, entry.flag], [body.length, "-"]);
    });
  }
}

for (const coding of ["gzip", "br", "deflate", "x-own"]) {
  for (const framing of FRAMINGS) {
    Deno.test(`a body labelled ${coding} is neither decoded nor relabelled: ${framing}`, async () => {
      const body = noise(50_000);
      const lines = `Content-Type: text/html\r\nContent-Encoding: ${coding}\r\n`;
      await using origin = onceOrigin(framed(body, framing, lines));
      await using proxy = testProxy(origin.address);
      const { fields, ...message } = parseMessage(await send(proxy.address, requestText("GET", "/")));
      assertEquals([message.status, message.complete, valueOf(fields, "content-encoding")], [
        200,
        true,
        coding,
      ]);
      assert(message.body === body, "the bytes differ");
    });
  }
}

for (const framing of FRAMINGS) {
  Deno.test(`a body that a client would take compressed is not compressed: ${framing}`, async () => {
    const body = "<p>again and again</p>\n".repeat(1000);
    await using origin = onceOrigin(framed(body, framing, "Content-Type: text/html\r\n"));
    await using proxy = testProxy(origin.address);
    const text = await send(proxy.address, requestText("GET", "/", "Accept-Encoding: gzip, br\r\n"));
    const message = parseMessage(text);
    assertEquals([valueOf(message.fields, "content-encoding"), valueOf(message.fields, "vary")], [
      null,
      null,
    ]);
    assert(message.body === body, "the bytes differ");
  });

  Deno.test(`each piece of a slow body arrives before the next is written: ${framing}`, async () => {
    const pieces = Array.from({ length: 5 }, (_, i) => `piece ${i} of the body`);
    const whole = framed(pieces.join(""), framing, "", [pieces[0]!.length]);
    const next = pieces.map(() => Promise.withResolvers<void>());
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      let written = 0;
      for (const [i, piece] of pieces.entries()) {
        const end = whole.indexOf(piece) + piece.length;
        await connection.write(whole.slice(written, end));
        written = end;
        await next[i]!.promise;
      }
      await connection.write(whole.slice(written));
    });
    await using proxy = testProxy(origin.address);
    using client = await rawClient(proxy.address);
    await client.write(requestText("GET", "/"));
    for (const [i, piece] of pieces.entries()) {
      await within(client.readUntil(piece), piece);
      assertEquals(client.received.includes(`piece ${i + 1}`), false);
      next[i]!.resolve();
    }
    await within(client.closed(), "the end");
    const message = parseMessage(client.received);
    assertEquals([message.body, message.complete], [pieces.join(""), true]);
  });
}

Deno.test("a body with a length that trickles through the time it is gathered in arrives whole", async () => {
  const body = noise(200_000);
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(`${OK}Content-Length: ${body.length}\r\n\r\n`);
    for (let at = 0; at < body.length; at += 20_000) {
      // Two of the watchdog's ticks, after which gathering ends, come in the middle of it.
      await new Promise((resolve) => setTimeout(resolve, 30));
      await connection.write(body.slice(at, at + 20_000));
    }
  });
  await using proxy = testProxy(origin.address);
  for (let i = 0; i < 2; i++) {
    const message = parseMessage(await send(proxy.address, requestText("GET", "/")));
    assertEquals([message.body.length, message.complete], [body.length, true]);
    assert(message.body === body, "the bytes differ");
  }
});
