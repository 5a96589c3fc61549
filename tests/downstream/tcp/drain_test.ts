/** The end of the own server: what is under way gets its time, what is not ends at once. */
import { assertEquals } from "@std/assert";
import { type Origin, type RawConnection, rawOrigin } from "../../support/origin.ts";
import { type Running, startProxy } from "../../../src/mod.ts";
import { rawClient } from "../../support/proxy.ts";
import { statusOf, valuesOf } from "../../support/send.ts";
import { until } from "../../support/until.ts";
import { within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** A time to drain that is never used up. */
const LONG = 60_000;

/** A proxy on the own server in front of an origin. */
function proxyOf({ address }: Origin): Running {
  return startProxy({ upstreamPeer: () => ({ address }) }, {
    listen: "127.0.0.1:0",
    listener: { front: "tcp", idleTimeout: 0, headTimeout: 0 },
  });
}

/** Stops it; whether all was over in time. */
function stop(running: Running, ms: number): Promise<boolean> {
  return within(running.stop(ms), "the end of the proxy");
}

/** Resolves when new connections are refused. */
async function refused(running: Running): Promise<void> {
  let is = false;
  await until("connections are refused", () => {
    rawClient(running.address).then((client) => client.close(), () => is = true);
    return is;
  });
}

Deno.test("stop closes the listener and idle connections at once, those never used too", async () => {
  await using origin = wireOrigin();
  const running = proxyOf(origin);
  using unused = await rawClient(running.address);
  using used = await rawClient(running.address);
  using malformed = await rawClient(running.address);
  for (const client of [used, malformed]) {
    await client.write(client === used ? GET : "nonsense\r\n\r\n");
    await within(client.readHead(), "the answer");
  }
  malformed.close();
  assertEquals(await stop(running, LONG), true);
  await within(Promise.all([unused.closed(), used.closed()]), "the end of both connections");
  await refused(running);
});

Deno.test("stop waits for a request under way, whose answer says that it is the last", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    asked.resolve();
    await answer.promise;
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nat last");
    await connection.closed();
  });
  const running = proxyOf(origin);
  using client = await rawClient(running.address);
  await client.write(GET);
  await asked.promise;
  const stopped = stop(running, LONG);
  await refused(running);
  answer.resolve();
  await within(client.closed(), "the end of the connection");
  assertEquals([statusOf(client.received), valuesOf(client.received, "connection")], [200, ["close"]]);
  assertEquals(client.received.endsWith("at last"), true);
  assertEquals(await stopped, true);
});

Deno.test("stop waits for a head of which half is there, and answers it", async () => {
  await using origin = wireOrigin();
  const running = proxyOf(origin);
  using client = await rawClient(running.address);
  // A request before, so that the half is known to have been read with it.
  await client.write(GET + GET.slice(0, 20));
  await within(client.readHead(), "the first answer");
  const stopped = stop(running, LONG);
  await client.write(GET.slice(20));
  const head = await within(client.readHead(), "the second answer") ?? "";
  assertEquals([statusOf(head), valuesOf(head, "connection")], [200, ["close"]]);
  assertEquals([await client.read(), await stopped], [null, true]);
});

/** What goes on for a while: how the client begins, what the origin does then, and how it ends. */
interface Course {
  name: string;
  begin: string;
  /** Resolves when it is well under way. */
  serve(connection: RawConnection): Promise<void>;
  /** What the client has received by then. */
  seen: string;
  rest: string;
  finish(connection: RawConnection): Promise<void>;
  end: string;
}

const COURSES: Course[] = [
  {
    name: "an upload",
    begin: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    serve: async (connection) => void await connection.readUntil("half"),
    seen: "",
    rest: "4\r\nrest\r\n0\r\n\r\n",
    async finish(connection) {
      await connection.readUntil("rest");
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
    },
    end: "done",
  },
  {
    name: "an answer whose head promised to go on",
    begin: GET,
    serve: (connection) =>
      connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
    seen: "half",
    rest: "",
    finish: (connection) => connection.write("4\r\nrest\r\n0\r\n\r\n"),
    end: "4\r\nrest\r\n0\r\n\r\n",
  },
  {
    name: "a tunnel",
    begin: "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n",
    serve: (connection) =>
      connection.write("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhalf"),
    seen: "half",
    rest: "rest",
    async finish(connection) {
      await connection.readUntil("rest");
      await connection.write("bye");
    },
    end: "bye",
  },
];

for (const { name, begin, serve, seen, rest, finish, end } of COURSES) {
  const start = async () => {
    const served = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const origin = rawOrigin(async (connection) => {
      await connection.readHead();
      await serve(connection);
      served.resolve();
      await goOn.promise;
      await finish(connection);
    });
    const running = proxyOf(origin);
    const client = await rawClient(running.address);
    await client.write(begin);
    await within(Promise.all([served.promise, client.readUntil(seen)]), "its being under way");
    return { origin, running, client, goOn: goOn.resolve };
  };

  Deno.test(`stop waits until ${name} is over`, async () => {
    const { origin, running, client, goOn } = await start();
    await using _ = origin;
    using __ = client;
    const stopped = stop(running, LONG);
    await client.write(rest);
    goOn();
    await within(client.readUntil(end), "the end");
    // A tunnel is over when both sides have ended.
    if (name === "a tunnel") await client.closeWrite();
    await within(client.closed(), "the end of the connection");
    assertEquals(client.received.endsWith(end), true, client.received);
    assertEquals(await stopped, true);
  });

  for (const drain of [50, 0]) {
    Deno.test(`stop(${drain}) breaks ${name} off`, async () => {
      const { origin, running, client, goOn } = await start();
      await using _ = origin;
      using __ = client;
      assertEquals([await stop(running, drain), running.counters.active], [false, 0]);
      await within(client.closed(), "the end of the connection");
      assertEquals(client.received.endsWith(end), false, client.received);
      goOn();
    });
  }
}

const STUCK: [name: string, text: string][] = [
  ["half of a head", GET.slice(0, 9)],
  ["a refused upload that goes on", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"],
];

for (const [name, text] of STUCK) {
  Deno.test(`the time to drain ends a connection with ${name}`, async () => {
    await using origin = wireOrigin();
    const running = proxyOf(origin);
    using client = await rawClient(running.address);
    await client.write(GET + text);
    await within(client.readHead(), "the first answer");
    if (text.endsWith("\r\n\r\n")) await within(client.readHead(), "the second answer");
    assertEquals(await stop(running, 50), false);
    await within(client.closed(), "the end of the connection");
  });
}

Deno.test("stopping twice, or harder while it goes on, ends all of them", async () => {
  for (const second of [LONG, 0]) {
    await using origin = rawOrigin((connection) => connection.closed());
    const running = proxyOf(origin);
    using client = await rawClient(running.address);
    await client.write(GET);
    while (running.counters.active === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const first = stop(running, LONG);
    const ends = Promise.all([first, stop(running, second)]);
    client.close();
    assertEquals(await ends, [true, second > 0]);
  }
});
