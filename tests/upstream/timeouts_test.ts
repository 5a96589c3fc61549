/**
 * Time-outs of a peer and of the module's options. Each is small where it has to strike; the limits on the tests
 * themselves are generous. Time-outs of the TLS handshake and of the pool are in `tls_test.ts` and `pool_test.ts`.
 */
import { assertEquals, assertGreater } from "@std/assert";
import type { Peer, PeerTimeouts, ProxyModule } from "../../src/mod.ts";
import { type RawConnection, rawOrigin } from "../support/origin.ts";
import { exchange, rawClient, testProxy } from "../support/proxy.ts";
import { letters, parseMessage, requestText, responseText, within } from "../support/wire.ts";

const SHORT = 150;

function toPeer(address: string, timeouts: Partial<PeerTimeouts>, rest: ProxyModule = {}): ProxyModule {
  const peer: Peer = { address, timeouts };
  return { upstreamPeer: () => peer, ...rest };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const forEver = () => new Promise<never>(() => {});

/** A listener whose queue of connections is full, so that another one gets no answer; null where that cannot be had. */
async function fullListener(): Promise<AsyncDisposable & { address: string } | null> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const held: Deno.Conn[] = [];
  const release = () => [listener, ...held].forEach((open) => open.close());
  try {
    while (held.length < 16) {
      held.push(await Deno.connect({ hostname: "127.0.0.1", port, signal: AbortSignal.timeout(500) }));
    }
  } catch {
    return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: () => Promise.resolve(release()) };
  }
  release();
  return null;
}

Deno.test("a connection that does not come about is a 504 within the connect time-out", async () => {
  await using listener = await fullListener();
  // Some systems answer however long the queue is: nothing on the loopback keeps silent then.
  if (listener === null) return;
  await using proxy = testProxy(toPeer(listener.address, { connect: SHORT }, { options: { retries: 0 } }));
  const response = await within(fetch(proxy.url), "the connect time-out");
  await response.body?.cancel();
  const { flag, attempts, connectMs } = await proxy.ended(1);
  assertEquals([response.status, flag, attempts], [504, "UF", 1]);
  assertGreater(connectMs, SHORT / 2);
});

interface Silence {
  name: string;
  /** What the origin does with a connection. */
  origin(connection: RawConnection): Promise<unknown>;
  module: (address: string) => ProxyModule;
  flag: string;
}

const head = (connection: RawConnection) => connection.readHead();
const FIRST_BYTE = (address: string) => toPeer(address, { firstByte: SHORT });
const TOTAL: ProxyModule = { options: { totalTimeout: SHORT } };

const SILENT: Silence[] = [
  { name: "an upstream that does not answer", origin: head, module: FIRST_BYTE, flag: "UT" },
  {
    name: "an upstream that sends half a head",
    origin: async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 200 OK\r\nContent-");
    },
    module: FIRST_BYTE,
    flag: "UT",
  },
  {
    name: "an upstream that sends only an interim response",
    origin: async (connection) => {
      await connection.readHead();
      await connection.write("HTTP/1.1 103 Early Hints\r\n\r\n");
    },
    module: FIRST_BYTE,
    flag: "UT",
  },
  {
    name: "a response later than the total time-out",
    origin: head,
    module: (address) => toPeer(address, {}, TOTAL),
    flag: "DT",
  },
  {
    name: "an upstreamPeer hook slower than the total time-out",
    origin: head,
    module: () => ({ ...TOTAL, upstreamPeer: forEver }),
    flag: "DT",
  },
  {
    name: "an upstreamRequestFilter hook slower than the total time-out",
    origin: head,
    module: (address) => toPeer(address, {}, { ...TOTAL, upstreamRequestFilter: forEver }),
    flag: "DT",
  },
];

for (const { name, origin: act, module, flag } of SILENT) {
  Deno.test(`${name} is a 504 with flag ${flag}, and the upstream connection is closed`, async () => {
    const closed = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await act(connection);
      await connection.closed();
      closed.resolve();
    });
    await using proxy = testProxy(module(origin.address));
    const response = await within(fetch(proxy.url), "the time-out");
    const text = await response.text();
    const entry = await proxy.ended(1);
    assertEquals([response.status, entry.status, entry.flag], [504, 504, flag]);
    assertEquals(text, `504 Gateway Timeout\nrequest id: ${entry.id}\n`);
    if (origin.connections > 0) await within(closed.promise, "the upstream connection to be closed");
    assertEquals(proxy.idleConnections, 0);
  });
}

const STALLED: { name: string; lines: string; some: string }[] = [
  { name: "with a length", lines: "Content-Length: 100\r\n", some: "some" },
  { name: "with a great length", lines: "Content-Length: 1000000\r\n", some: "some" },
  { name: "in chunks", lines: "Transfer-Encoding: chunked\r\n", some: "4\r\nsome\r\n" },
  { name: "that ends with its connection", lines: "", some: "some" },
];

for (const { name, lines, some } of STALLED) {
  Deno.test(`a response's body ${name} that stops coming is cut, not completed`, async () => {
    const closed = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\n${lines}\r\n${some}`);
      await connection.closed();
      closed.resolve();
    });
    await using proxy = testProxy(toPeer(origin.address, { readIdle: 500 }));
    const answer = parseMessage(await within(exchange(proxy.address, requestText("GET", "/")), "the cut"));
    assertEquals([answer.status, answer.body, answer.complete], [200, "some", false]);
    const { flag, status, bytesSent } = await proxy.ended(1);
    assertEquals([flag, status, bytesSent], ["UT", 200, 4]);
    await within(closed.promise, "the upstream connection to be closed");
  });
}

Deno.test("an upstream that takes no more of an upload is a 504 within the write time-out", async () => {
  const over = Promise.withResolvers<void>();
  await using origin = rawOrigin(() => over.promise);
  using _ = { [Symbol.dispose]: over.resolve };
  await using proxy = testProxy(toPeer(origin.address, { write: SHORT }));
  using client = await rawClient(proxy.address);
  const piece = new Uint8Array(1024 * 1024);
  const uploading = (async () => {
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${64 * piece.length}\r\n\r\n`);
    for (let i = 0; i < 64; i++) await client.writeBytes(piece);
  })().catch(() => {});
  const { status, flag, attempts } = await within(proxy.ended(1), "the write time-out");
  assertEquals([status, flag, attempts], [504, "UT", 1]);
  client.close();
  await uploading;
});

const UPLOADS: { name: string; lines: string; some: string; origins: number }[] = [
  { name: "short", lines: "Content-Length: 100\r\n", some: "some", origins: 0 },
  { name: "long", lines: "Content-Length: 1000000\r\n", some: "some", origins: 1 },
  { name: "chunked", lines: "Transfer-Encoding: chunked\r\n", some: "4\r\nsome\r\n", origins: 1 },
];

for (const { name, lines, some, origins } of UPLOADS) {
  Deno.test(`a client that stops sending its ${name} body gets a 408 within clientBodyTimeout`, async () => {
    await using origin = rawOrigin((connection) => connection.closed());
    await using proxy = testProxy(toPeer(origin.address, {}, { options: { clientBodyTimeout: SHORT } }));
    using client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${some}`);
    await within(client.readHead(), "the answer");
    const { status, flag, attempts } = await proxy.ended(1);
    assertEquals(parseMessage(client.received).status, 408);
    assertEquals([status, flag, attempts, origin.connections], [408, "SI", 1, origins]);
  });
}

// Each takes longer as a whole than any single limit, with pauses far below it.
const SLOW = { pieces: 9, every: 150, limit: 1000 };

async function slowly(write: (piece: string) => Promise<void>, pieces: string[]): Promise<void> {
  for (const piece of pieces) {
    await pause(SLOW.every);
    await write(piece);
  }
}

Deno.test("a slow but steady response is not cut", async () => {
  const pieces = letters(900).match(/.{100}/g)!;
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n");
    await slowly((piece) => connection.write(piece), pieces);
    await connection.closed();
  });
  const { limit } = SLOW;
  await using proxy = testProxy(
    toPeer(origin.address, { readIdle: limit, firstByte: limit }, { options: { totalTimeout: limit } }),
  );
  const answer = parseMessage(await exchange(proxy.address, requestText("GET", "/")));
  assertEquals([answer.status, answer.body, answer.complete], [200, letters(900), true]);
  const { flag, totalMs } = await proxy.ended(1);
  assertEquals(flag, "-");
  assertGreater(totalMs, limit);
});

Deno.test("a slow but steady upload is not cut, and the wait for the answer begins at its end", async () => {
  const { limit } = SLOW;
  await using origin = rawOrigin(async (connection) => {
    await connection.readUntil("0\r\n\r\n");
    await connection.write(responseText(String(connection.received.includes("last piece"))));
    await connection.closed();
  });
  await using proxy = testProxy(
    toPeer(origin.address, { write: limit, firstByte: limit }, { options: { clientBodyTimeout: limit } }),
  );
  using client = await rawClient(proxy.address);
  await client.write("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
  const pieces = [...Array(SLOW.pieces - 1).fill("4\r\nmore\r\n"), "a\r\nlast piece\r\n0\r\n\r\n"];
  await slowly((piece) => client.write(piece), pieces);
  await client.closed();
  const answer = parseMessage(client.received);
  assertEquals([answer.status, answer.body], [200, "true"]);
});
