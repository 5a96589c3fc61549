// How long a relay waits for a client, told by ticks at times of the test's choice.
import { assert, assertEquals } from "@std/assert";
import { type Relay, RelayedConnection } from "../../../src/downstream/relay/relayed_connection.ts";
import { Watchdog } from "../../../src/http/watchdog.ts";
import { clientHello } from "../../support/client_hello.ts";
import { type RawConnection, rawOrigin } from "../../support/origin.ts";
import { rawClient } from "../../support/proxy.ts";
import { until } from "../../support/until.ts";
import { within } from "../../support/wire.ts";

const HELLO = clientHello({ name: "a.test" });

/** A relay for one client, whose server does as it is told. */
async function relayed(
  server: (connection: RawConnection) => Promise<void>,
  test: (client: RawConnection, connection: RelayedConnection, isClosed: () => boolean) => Promise<void>,
): Promise<void> {
  await using origin = rawOrigin((connection) => connection.write("hello").then(() => server(connection)));
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await rawClient(`127.0.0.1:${listener.addr.port}`);
  const names: (string | undefined)[] = [];
  const clients = new Map();
  const closed = Promise.withResolvers<void>();
  let isClosed = false;
  const watchdog = new Watchdog();
  const relay: Relay = {
    watchdog,
    present: {
      enter(name) {
        names.push(name);
        return { port: Number(origin.address.split(":")[1]), clients };
      },
      leave: () => names.push("left"),
    },
    makeRoom() {},
    closed() {
      isClosed = true;
      closed.resolve();
    },
  };
  const connection = new RelayedConnection(await listener.accept(), relay);
  const passing = connection.pass();
  try {
    await test(client, connection, () => isClosed);
    await within(Promise.all([client.closed(), closed.promise, passing]), "the end of the connection");
  } finally {
    connection.close();
    watchdog.close();
  }
  assert(names.length === 0 || names.join() === "a.test,left", names.join());
  assertEquals(clients.size, 0);
}

/** A record of application data: who sends it is done with its handshake. */
const MORE = "\x17\x03\x03\x00\x04more";

/** The beginning of TLS, and what its server says to it. */
async function begin(client: RawConnection): Promise<void> {
  await client.writeBytes(HELLO);
  await client.readUntil("hello");
}

const nothing = async (connection: RawConnection) => await connection.closed();

Deno.test("a client of a relay that says nothing is closed after 10 s", async () => {
  const from = performance.now();
  await relayed(nothing, async (client, connection, isClosed) => {
    await client.writeBytes(HELLO.subarray(0, 9));
    connection.tick(from + 9_900);
    assert(!isClosed() && connection.isNew);
    connection.tick(performance.now() + 10_000);
  });
});

Deno.test("a client of a relay that does not end its handshake is closed after 10 s", async () => {
  await relayed(nothing, async (client, connection, isClosed) => {
    await begin(client);
    // A record of the handshake, and the beginning of another one.
    await client.write("\x16\x03\x03\x00\x04more\x17\x03");
    connection.tick(performance.now() + 8_900);
    assert(!isClosed() && connection.isNew);
    connection.tick(performance.now() + 11_000);
  });
});

Deno.test("a client of a relay that has shaken hands may be silent for long", async () => {
  const got = Promise.withResolvers<void>();
  const server = async (server: RawConnection) => {
    await server.readUntil("more");
    got.resolve();
    await server.readUntil("the end");
  };
  await relayed(server, async (client, connection) => {
    await begin(client);
    await client.write(MORE);
    await got.promise;
    connection.tick(performance.now() + 3_600_000);
    await client.write("the end");
    await client.closeWrite();
  });
});

Deno.test("a client of a relay that takes no byte is closed after 300 s, and its server told", async () => {
  let sent = 0;
  const ended = Promise.withResolvers<void>();
  const server = async (server: RawConnection) => {
    const piece = new Uint8Array(256 * 1024);
    await server.readUntil("more");
    try {
      for (;; sent += piece.length) await server.writeBytes(piece);
    } finally {
      ended.resolve();
    }
  };
  await relayed(server, async (client, connection, isClosed) => {
    await begin(client);
    await client.write(MORE);
    await until("something is taken", () => sent > 0);
    await until("the client is given up", () => {
      connection.tick(performance.now() + 290_000);
      assert(!isClosed());
      connection.tick(performance.now() + 301_000);
      return isClosed();
    });
    await within(ended.promise, "the end of the server's connection");
  });
});

Deno.test("a client of a relay that does not close when its server did is closed a second later", async () => {
  await relayed((server) => server.readUntil("more").then(() => {}), async (client, connection) => {
    await begin(client);
    await client.write(MORE);
    await client.closed();
    await client.write("and more");
    connection.tick(performance.now() + 1_100);
  });
});
