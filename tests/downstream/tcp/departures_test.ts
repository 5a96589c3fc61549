/** Clients that leave, whatever is under way: the upstream's connection is closed, and the log says 499. */
import { assertEquals } from "@std/assert";
import { push, quiet } from "../../support/flow.ts";
import { type RawConnection, rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { parseMessage, responseText, within } from "../../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const UPLOAD = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n";
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n";
const STREAM = "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nbegin";

interface Case {
  what: string;
  /** What the client sends. */
  request: string;
  /** What the origin does when it has the head, before it waits for the connection's end; told of the client's leaving. */
  origin?: (connection: RawConnection, left: Promise<void>) => Promise<unknown>;
  /** What the client does before it leaves. */
  client?: (client: RawConnection) => Promise<unknown>;
}

const reads = (text: string) => (client: RawConnection) => client.readUntil(text);

const CASES: Case[] = [
  { what: "while it waits for the upstream", request: GET },
  { what: "while it waits for the answer to its upload", request: UPLOAD.replace("100000000", "2") + "hi" },
  {
    what: "while it waits for the answer to its chunked upload",
    request: `${UPLOAD.replace(/Content.*0/, "Transfer-Encoding: chunked")}2\r\nhi\r\n0\r\n\r\n`,
  },
  {
    what: "while it waits, after an interim response",
    request: GET,
    origin: (c) => c.write("HTTP/1.1 103 Hints\r\n\r\n"),
    client: reads("Hints\r\n\r\n"),
  },
  {
    what: "while it waits to be asked for its body",
    request: UPLOAD.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"),
  },
  { what: "in the middle of an upload", request: `${UPLOAD}begin`, origin: (c) => c.readUntil("begin") },
  {
    what: "in the middle of an upload that its upstream did not take until then",
    request: UPLOAD,
    origin: (_connection, left) => left,
    client: async (client) => {
      const flow = push(client, 100_000_000);
      await quiet(() => flow.pushed);
      client.close();
      await flow.done;
    },
  },
  {
    what: "in the middle of an upload that was answered in part",
    request: `${UPLOAD}begin`,
    origin: (c) => c.write(CHUNKED),
    client: reads("begin"),
  },
  {
    what: "in the middle of a response that stays silent",
    request: GET,
    origin: (c) => c.write(STREAM),
    client: reads("begin"),
  },
  { what: "between two chunks", request: GET, origin: (c) => c.write(CHUNKED), client: reads("begin") },
  {
    what: "between two chunks, with the next request sent already",
    request: GET + GET,
    origin: (c) => c.write(CHUNKED),
    client: reads("begin"),
  },
  {
    what: "in the middle of a chunk",
    request: GET,
    origin: (c) => c.write(CHUNKED.replace("5\r\n", "ffff\r\n")),
    client: reads("begin"),
  },
  {
    what: "in the middle of a response that pours",
    request: GET,
    origin: async (connection) => {
      await connection.write(STREAM);
      await push(connection, 100_000_000).done;
    },
    client: reads("x".repeat(100_000)),
  },
  {
    what: "in the middle of a response that it did not take",
    request: GET,
    origin: async (connection) => {
      await connection.write(STREAM);
      await push(connection, 100_000_000).done;
    },
    client: () => new Promise((resolve) => setTimeout(resolve, 200)),
  },
];

for (const { what, request, origin: then, client: until } of CASES) {
  Deno.test(`a client that leaves ${what}`, async () => {
    const asked = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      asked.resolve();
      await then?.(connection, left.promise);
      await connection.closed();
      closed.resolve();
    });
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(request);
    await within(asked.promise, "the origin to be asked");
    if (until !== undefined) await within(until(client), "what the client waits for");
    client.close();
    left.resolve();
    const { status, flag } = await within(proxy.ended(1), "the log entry");
    assertEquals([status, flag], [499, "DC"]);
    await within(closed.promise, "the upstream's connection to be closed");
    assertEquals([proxy.counters.active, proxy.counters.clientGone, proxy.idleConnections], [0, 1, 0]);
    assertEquals([proxy.entries.length, origin.connections], [1, 1]);
  });
}

for (const request of [GET, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"]) {
  Deno.test(`a client that ends its side behind a whole ${request.split(" ")[0]} is answered when that is quick`, async () => {
    await using origin = rawOrigin(async (connection) => {
      while (await connection.readUntil("\r\n\r\n")) {
        await connection.write(responseText("hello"));
        return await connection.closed();
      }
    });
    let answered = 0;
    for (let i = 0; i < 20; i++) {
      await using proxy = testProxy(origin.address, { front: "tcp" });
      using client = await rawClient(proxy.address);
      await client.write(request);
      await client.closeWrite();
      await within(client.closed(), "the end");
      if (client.received === "") continue;
      const { status, body, complete } = parseMessage(client.received);
      assertEquals([status, body, complete], [200, "hello", true]);
      answered++;
    }
    assertEquals(answered > 0, true, "none of twenty was answered");
  });
}
