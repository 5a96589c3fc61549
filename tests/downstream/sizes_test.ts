/** Large heads, and bodies up to and beyond their limit. */
import { assert, assertEquals } from "@std/assert";
import { type FrontName, onBothFronts } from "../support/fronts.ts";
import { rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const CLOSE = "Host: a\r\nConnection: close\r\n";
const HEAD_LIMIT = 64 * 1024;

/** A GET whose head has that many bytes, most of them in its target or in a field. */
function large(bytes: number, where: "target" | "field"): string {
  const text = (filling: string) =>
    where === "target"
      ? `GET /${filling} HTTP/1.1\r\n${CLOSE}\r\n`
      : `GET / HTTP/1.1\r\n${CLOSE}X-Large: ${filling}\r\n\r\n`;
  return text("x".repeat(bytes - text("").length));
}

const NAMES = { serve: "x-large", tcp: "X-Large" };
// Deno.serve refuses it by itself and always with 400; the proxy does not learn of it.
const REFUSALS = { serve: { target: 400, field: 400 }, tcp: { target: 414, field: 431 } };

for (const where of ["target", "field"] as const) {
  onBothFronts(`a head of nearly 64 KB reaches the origin whole: a large ${where}`, async (front) => {
    await using origin = wireOrigin();
    await using proxy = testProxy(
      origin.address,
      front === "tcp" ? { front, maxRequestLine: HEAD_LIMIT } : { front },
    );
    const request = large(HEAD_LIMIT - 100, where);
    assertEquals(statusOf(await send(proxy.address, request)), 200);
    const filling = /x{1000,}/.exec(request)![0];
    assert(
      origin.received[0]!.includes(
        where === "target" ? `GET /${filling} HTTP/1.1\r\n` : `${NAMES[front]}: ${filling}\r\n`,
      ),
    );
  });

  onBothFronts(
    `a head of more than 64 KB is refused and not forwarded: a large ${where}`,
    async (front) => {
      await using origin = wireOrigin();
      await using proxy = testProxy(origin.address, { front });
      assertEquals(
        statusOf(await send(proxy.address, large(HEAD_LIMIT + 100, where))),
        REFUSALS[front][where],
      );
      assertEquals([origin.connections, proxy.entries.length], [0, front === "serve" ? 0 : 1]);
    },
  );
}

onBothFronts(
  "a head with as many fields as are allowed reaches the origin, one with one more is refused",
  async (front) => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front });
    const [most, refusal] = front === "serve" ? [128, 400] : [200, 431];
    const withFields = (count: number) =>
      `GET / HTTP/1.1\r\n${CLOSE}${
        Array.from({ length: count - 2 }, (_, i) => `X-${i}: ${i}\r\n`).join("")
      }\r\n`;
    assertEquals(statusOf(await send(proxy.address, withFields(most + 1))), refusal);
    assertEquals(statusOf(await send(proxy.address, withFields(most))), 200);
    const { fields } = origin.requests[0]!;
    assertEquals([origin.connections, fields.filter((field) => /^x-\d+: \d+$/i.test(field)).length], [
      1,
      most - 2,
    ]);
  },
);

/** A megabyte of all byte values, without a period that a chunk or buffer size could hide. */
function megabyte(): string {
  let state = 1;
  const line = Array.from({ length: 4093 }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return String.fromCharCode(state >> 16 & 0xff);
  }).join("");
  return line.repeat(257).slice(0, 1024 * 1024);
}

for (const framing of ["content-length", "chunked"]) {
  onBothFronts(`an upload of 1 MB reaches the origin byte for byte: ${framing}`, async (front) => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front });
    const body = megabyte();
    const sizes = [1, 15, 16, 255, 4096, 65_535, 65_536, 100_003];
    let chunks = "";
    for (let at = 0; at < body.length;) {
      sizes.push(sizes.shift()!);
      const chunk = body.slice(at, at += sizes[0]!);
      chunks += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    }
    const answer = await send(
      proxy.address,
      framing === "chunked"
        ? `POST / HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`
        : `POST / HTTP/1.1\r\n${CLOSE}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    assertEquals(statusOf(answer), 200);
    const [request] = origin.requests;
    assertEquals(request!.body.length, body.length);
    assert(request!.body === body, "the body changed on its way");
    const { text } = request!;
    assertEquals(
      [valuesOf(text, "content-length"), valuesOf(text, "transfer-encoding")],
      framing === "chunked" ? [[], ["chunked"]] : [[String(body.length)], []],
    );
    assertEquals((await proxy.ended(1)).bytesReceived, body.length);
  });
}

/** A proxy that takes bodies of up to 10 bytes. */
function limited(front: FrontName, address: string) {
  return testProxy({ options: { maxRequestBody: 10 }, upstreamPeer: () => ({ address }) }, { front });
}

onBothFronts("a body of the largest size allowed is forwarded, with a length or chunked", async (front) => {
  await using origin = wireOrigin();
  await using proxy = limited(front, origin.address);
  for (
    const framed of [
      "Content-Length: 10\r\n\r\n0123456789",
      "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
    ]
  ) {
    assertEquals(statusOf(await send(proxy.address, `POST / HTTP/1.1\r\n${CLOSE}${framed}`)), 200);
  }
  assertEquals(origin.requests.map(({ body }) => body), ["0123456789", "0123456789"]);
});

onBothFronts(
  "a body whose length is beyond the limit is answered with 413, without waiting for it or for an upstream",
  async (front) => {
    await using origin = wireOrigin();
    await using proxy = limited(front, origin.address);
    for (const length of [11, 1_000_000_000]) {
      using client = await rawClient(proxy.address);
      await client.write(`POST / HTTP/1.1\r\n${CLOSE}Content-Length: ${length}\r\n\r\n`);
      assertEquals(statusOf(await client.readHead() ?? ""), 413);
    }
    assertEquals(origin.connections, 0);
    assertEquals((await proxy.ended(2)).flag, "DPE");
  },
);

onBothFronts(
  "a chunked upload is answered with 413 as soon as it grows beyond the limit, and never completed",
  async (front) => {
    const seen = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<string>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readUntil("hello\r\n");
      seen.resolve();
      await connection.closed();
      ended.resolve(connection.received);
    });
    await using proxy = limited(front, origin.address);
    using client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
    await seen.promise;
    await client.write("6\r\n world\r\n");
    assertEquals(statusOf(await client.readHead() ?? ""), 413);
    const received = await ended.promise;
    assertEquals(received.slice(received.indexOf("\r\n\r\n") + 4), "5\r\nhello\r\n");
    const { status, flag, bytesReceived } = await proxy.ended(1);
    assertEquals([status, flag, bytesReceived], [413, "DPE", 11]);
  },
);

onBothFronts("many small chunks count together", async (front) => {
  await using origin = wireOrigin();
  await using proxy = limited(front, origin.address);
  const answer = await send(
    proxy.address,
    `POST / HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(11)}0\r\n\r\n`,
  );
  assertEquals([statusOf(answer), origin.requests.length], [413, 0]);
});
