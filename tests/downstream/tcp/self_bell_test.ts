/** A listener's connection to itself: nobody's request, in nobody's way, and not missed where it cannot be. */
import { assert, assertEquals } from "@std/assert";
import { push } from "../../support/flow.ts";
import { type Origin, type RawConnection, rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { statusOf } from "../../support/send.ts";
import { within } from "../../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/** Many times what may be moved before a bell is wanted. */
const SIZE = 4_000_000;

/** An origin with large answers on one connection after the other, and small ones to HEAD. */
function largeOrigin(): Origin {
  return rawOrigin(async (connection) => {
    for (let head; (head = await connection.readHead()) !== null;) {
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      if (head.startsWith("GET")) await push(connection, SIZE).done;
    }
  });
}

/** Takes a large answer; whether all of it came. */
async function transfer(client: RawConnection): Promise<boolean> {
  client.received = "";
  await client.write(GET);
  while (client.received.length < SIZE) {
    if (await within(client.read(), "more of the answer") === null) return false;
  }
  return true;
}

/** What a listener connects itself with is done by `instead`; counts. */
function selfConnections(instead: (connect: () => Promise<Deno.TcpConn>) => Promise<Deno.TcpConn>) {
  const { connect } = Deno;
  const made = Promise.withResolvers<void>();
  const stub = {
    count: 0,
    made: made.promise,
    listener: "",
    [Symbol.dispose]: () => void (Deno.connect = connect),
  };
  Deno.connect = ((options: Deno.ConnectOptions & { signal?: AbortSignal }) => {
    const isOwn = `${options.hostname}:${options.port}` === stub.listener && options.signal !== undefined;
    if (!isOwn) return connect(options);
    stub.count++;
    made.resolve();
    return instead(() => connect(options));
  }) as typeof Deno.connect;
  return stub;
}

Deno.test("a listener connects to itself once, when transfers are large, and that counts as no client", async () => {
  using own = selfConnections((connect) => connect());
  await using origin = largeOrigin();
  await using proxy = testProxy(origin.address, {
    front: "tcp",
    maxConnections: 2,
    maxConnectionsPerAddress: 2,
    idleTimeout: 300,
  });
  own.listener = proxy.address;
  using first = await rawClient(proxy.address);
  await first.write(GET.replace("GET", "HEAD"));
  await within(first.readHead(), "a small answer");
  assertEquals(own.count, 0);
  assert(await transfer(first));
  assertEquals(own.count, 1);
  using second = await rawClient(proxy.address);
  assertEquals(await Promise.all([transfer(first), transfer(second)]), [true, true]);
  // It is not closed when it is idle for longer than a client may be.
  await within(Promise.all([first.closed(), second.closed()]), "the end of idle connections");
  using third = await rawClient(proxy.address);
  using fourth = await rawClient(proxy.address);
  assertEquals(await Promise.all([transfer(third), transfer(fourth)]), [true, true]);
  assertEquals([own.count, proxy.entries.length], [1, 6]);
});

Deno.test("transfers go on, and others are served, when a listener may not connect to itself", async () => {
  using own = selfConnections(() => Promise.reject(new Deno.errors.NotCapable("net")));
  await using origin = largeOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  own.listener = proxy.address;
  const clients = await Promise.all([1, 2, 3].map(() => rawClient(proxy.address)));
  assertEquals(await Promise.all(clients.map(transfer)), [true, true, true]);
  // It is not tried again and again.
  assertEquals(own.count, 1);
  for (const client of clients) client.close();
});

Deno.test("connections of others that come while a listener connects to itself are served as ever", async () => {
  const strangers: RawConnection[] = [];
  using own = selfConnections(async (connect) => {
    // These are accepted first.
    for (let i = 0; i < 3; i++) strangers.push(await rawClient(own.listener));
    return await connect();
  });
  await using origin = largeOrigin();
  await using proxy = testProxy(origin.address, { front: "tcp" });
  own.listener = proxy.address;
  using client = await rawClient(proxy.address);
  assert(await transfer(client));
  await within(own.made, "the listener's connection to itself");
  assertEquals(strangers.length, 3);
  for (const stranger of strangers) assert(await transfer(stranger));
  assertEquals(proxy.entries.length, 4);
  for (const stranger of strangers) stranger.close();
});

Deno.test("a listener that is stopped while it connects to itself leaves nothing open", async () => {
  const goOn = Promise.withResolvers<void>();
  using own = selfConnections(async (connect) => {
    await goOn.promise;
    return await connect();
  });
  await using origin = largeOrigin();
  const proxy = testProxy(origin.address, { front: "tcp" });
  own.listener = proxy.address;
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await within(own.made, "the listener's connection to itself");
  const stopped = proxy[Symbol.asyncDispose]();
  goOn.resolve();
  await stopped;
  await within(client.closed(), "the end of the connection");
});

Deno.test("transfers that wait for their turn when the listener is closed end without an error", async () => {
  for (let i = 0; i < 5; i++) {
    await using origin = largeOrigin();
    const proxy = testProxy(origin.address, { front: "tcp" });
    const clients = await Promise.all([1, 2, 3].map(() => rawClient(proxy.address)));
    const all = Promise.all(clients.map(transfer));
    while (clients.some(({ received }) => received.length < SIZE / 4)) await clients[0]!.read();
    await proxy[Symbol.asyncDispose]();
    await within(all, "the end of the transfers");
    for (const client of clients) client.close();
  }
});

Deno.test("a small request is answered while large transfers pour", async () => {
  const large = 16_000_000;
  await using origin = rawOrigin(async (connection) => {
    const head = await connection.readHead();
    const length = head!.startsWith("GET /small") ? 2 : large;
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
    await push(connection, length).done;
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const order: string[] = [];
  const pour = async () => {
    using client = await rawClient(proxy.address);
    await client.write(GET);
    await client.readHead();
    begun.push(client);
    let left = large + client.received.indexOf("\r\n\r\n") + 4 - client.received.length;
    for (; left > 0; client.received = "") left -= (await client.read())?.length ?? large;
    order.push("large");
  };
  const begun: RawConnection[] = [];
  const pouring = [1, 2, 3].map(pour);
  while (begun.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  using client = await rawClient(proxy.address);
  await client.write(GET.replace("/", "/small"));
  assertEquals(statusOf(await within(client.readHead(), "the small answer") ?? ""), 200);
  order.push("small");
  await within(Promise.all(pouring), "the end of the transfers", 30_000);
  assertEquals(order[0], "small");
});
