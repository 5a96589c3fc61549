import { assert, assertEquals, assertLess } from "@std/assert";
import { type Flow, push, quiet } from "../support/flow.ts";
import { onBothFronts } from "../support/fronts.ts";
import { type RawConnection, rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { until } from "../support/until.ts";
import { chunked, parseMessage, postText, requestText, responseText, within } from "../support/wire.ts";
import type { ProxyModule } from "../../src/mod.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OFFERED = 200_000_000;
/** The sockets' buffers take some MB on each side of the proxy; the proxy itself should hardly add to it. */
const BOUND = 40_000_000;

const FILTERED: [string, ProxyModule][] = [
  ["", {}],
  [" through body filters", { requestBodyFilter() {}, responseBodyFilter: (_session, chunk) => chunk }],
];

/** A length that is offered in full, or one huge chunk. */
const OFFERS: [string, string][] = [
  ["of known length", `Content-Length: ${OFFERED}\r\n\r\n`],
  ["in chunks", `Transfer-Encoding: chunked\r\n\r\n${OFFERED.toString(16)}\r\n`],
];

for (const [how, hooks] of FILTERED) {
  for (const [name, rest] of OFFERS) {
    onBothFronts(`a client that does not read holds back a response ${name}${how}`, async (front) => {
      const flowing = Promise.withResolvers<Flow>();
      await using origin = rawOrigin(async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\n${rest}`);
        const flow = push(connection, OFFERED);
        flowing.resolve(flow);
        await flow.done;
      });
      await using proxy = testProxy({ ...hooks, upstreamPeer: () => ({ address: origin.address }) }, {
        front,
      });
      using client = await rawClient(proxy.address);
      await client.write(GET);
      await client.readHead();
      const flow = await flowing.promise;
      const held = await quiet(() => flow.pushed);
      assertLess(held, BOUND);
      await readSome(client, held);
      await until("the origin goes on when the client does", () => flow.pushed > held);
      client.close();
      assertEquals(await within(flow.done, "the origin to be cut off"), false);
      await proxy.ended(1);
    });

    onBothFronts(`an upstream that does not read holds back an upload ${name}${how}`, async (front) => {
      const reading = Promise.withResolvers<RawConnection>();
      const over = Promise.withResolvers<void>();
      await using origin = rawOrigin(async (connection) => {
        await connection.readHead();
        reading.resolve(connection);
        await over.promise;
      });
      await using proxy = testProxy({ ...hooks, upstreamPeer: () => ({ address: origin.address }) }, {
        front,
      });
      using client = await rawClient(proxy.address);
      await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
      const flow = push(client, OFFERED);
      const connection = await within(reading.promise, "the request to reach the origin");
      const held = await quiet(() => flow.pushed);
      assertLess(held, BOUND);
      await readSome(connection, held);
      await until("the client goes on when the origin does", () => flow.pushed > held);
      over.resolve();
      client.close();
      assertEquals(await flow.done, false);
      await proxy.ended(1);
    });
  }
}

/** Reads at least so many bytes and forgets them. */
async function readSome(connection: RawConnection, bytes: number): Promise<void> {
  for (let seen = 0; seen < bytes;) {
    const text = await connection.read();
    if (text === null) throw new Error(`The other side closed after ${seen} bytes`);
    seen += text.length;
    connection.received = "";
  }
}

onBothFronts("server-sent events arrive one by one, as they are written", async (front) => {
  const turns = [1, 2, 3].map(() => Promise.withResolvers<void>());
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for (const [n, turn] of turns.entries()) {
      await turn.promise;
      await connection.write(`9\r\ndata: ${n}\n\n\r\n`);
    }
    await connection.write("0\r\n\r\n");
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await within(client.readHead(), "the head, before any event");
  for (const [n, turn] of turns.entries()) {
    assert(!client.received.includes(`data: ${n}`), "the event comes after it was written");
    turn.resolve();
    await within(client.readUntil(`data: ${n}\n\n`), `event ${n}`);
  }
  await client.readUntil("0\r\n\r\n");
  assertEquals(parseMessage(client.received).body, "data: 0\n\ndata: 1\n\ndata: 2\n\n");
});

for (const status of ["413 Content Too Large", "200 OK"]) {
  for (const [name, rest] of OFFERS) {
    const code = status.slice(0, 3);
    onBothFronts(
      `${code} sent before an upload ${name} ends is relayed, and the connection not used again`,
      async (front) => {
        await using origin = rawOrigin(async (connection) => {
          await connection.readHead();
          await connection.write(responseText("early", "", status));
          await connection.closed();
        });
        await using proxy = testProxy(origin.address, { front });
        using client = await rawClient(proxy.address);
        await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${rest}begin`);
        await within(client.readUntil("early"), "the early answer");
        const answer = parseMessage(client.received);
        assertEquals([answer.status, answer.body], [Number(code), "early"]);
        client.close();
        const entry = await proxy.ended(1);
        assertEquals([entry.status, entry.attempts, entry.flag], [answer.status, 1, "-"]);
        assertEquals(proxy.idleConnections, 0);
      },
    );
  }
}

// The answer's end waits for the upload's: Deno.serve drops what is left of an upload when the answer is complete.
onBothFronts("an early answer goes on while the upload does: both arrive whole", async (front) => {
  const size = 2_000_000;
  const uploaded = Promise.withResolvers<number>();
  await using origin = rawOrigin(async (connection) => {
    const head = await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size + 4}\r\n\r\n`);
    const flow = push(connection, size);
    while (connection.received.length < head!.length + size && await connection.read() !== null);
    await flow.done;
    uploaded.resolve(connection.received.length - head!.length);
    await connection.write("last");
  });
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
  const flow = push(client, size);
  await within(client.closed(), "the end of the answer");
  assertEquals([parseMessage(client.received).body.length, await flow.done], [size + 4, true]);
  assertEquals(await within(uploaded.promise, "the end of the upload"), size);
});

for (const [name, rest] of OFFERS) {
  onBothFronts(`an origin that dies in the middle of an upload ${name} is a 502`, async (front) => {
    await using origin = rawOrigin(async (connection) => void await connection.readUntil("begin"));
    await using proxy = testProxy(origin.address, { front });
    using client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${rest}begin`);
    const flow = push(client, 1_000_000);
    await within(client.readUntil("request id"), "the answer");
    assertEquals(parseMessage(client.received).status, 502);
    const entry = await proxy.ended(1);
    assertEquals([entry.status, entry.flag, entry.attempts, origin.connections], [502, "UC", 1, 1]);
    client.close();
    await flow.done;
  });
}

onBothFronts(
  "an origin that answers 413 and closes at once: the client gets that, or a 502, and never waits",
  async (front) => {
    await using origin = rawOrigin(async (connection) => {
      await connection.readUntil("begin");
      await connection.write(responseText("early", "Connection: close\r\n", "413 Content Too Large"));
    });
    await using proxy = testProxy(origin.address, { front });
    using client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${OFFERED}\r\n\r\nbegin`);
    const flow = push(client, 1_000_000);
    // A close with bytes unread is a reset, which may overtake the answer.
    await within(client.readHead(), "the answer");
    const { status } = parseMessage(client.received);
    assert(status === 413 || status === 502, `status ${status}`);
    assertEquals((await proxy.ended(1)).status, status);
    client.close();
    await flow.done;
  },
);

const TESTED = 5_000_000;

for (const framing of ["length", "chunked"] as const) {
  onBothFronts(`an upload of 5 MB, sent with ${framing}, arrives byte by byte as it was`, async (front) => {
    const body = bytesOfAllKinds(TESTED);
    let received = "";
    await using origin = rawOrigin(async (connection) => {
      const { length } = (await connection.readHead())!;
      const end = framing === "length" ? length + TESTED : Infinity;
      while (connection.received.length < end && !connection.received.endsWith("\r\n0\r\n\r\n")) {
        if (await connection.read() === null) return;
      }
      received = connection.received;
      await connection.write(responseText("thanks"));
      await connection.closed();
    });
    await using proxy = testProxy(origin.address, { front });
    const pieces = [body.slice(0, 10), body.slice(10, 1_000_000), body.slice(1_000_000)];
    const request = framing === "length"
      ? postText(body)
      : requestText("POST", "/", "Transfer-Encoding: chunked\r\n", chunked(pieces));
    assertEquals(parseMessage(await send(proxy.address, request)).status, 200);
    const message = parseMessage(received);
    assertEquals([message.framing, message.complete], [framing, true]);
    assert(message.body === body, "the origin has what the client sent");
    assertEquals((await proxy.ended(1)).bytesReceived, TESTED);
  });
}

/** Bytes of every value, in no short cycle. */
function bytesOfAllKinds(length: number): string {
  const block = Array.from({ length: 65_521 }, (_, i) => String.fromCharCode((i * 31 + (i >> 8)) & 255)).join(
    "",
  );
  return block.repeat(Math.ceil(length / block.length)).slice(0, length);
}
