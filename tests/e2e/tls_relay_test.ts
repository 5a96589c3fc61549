// The front on Deno.serve with TLS: by itself, and behind a relay that has several certificates and changes them.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { startProxy } from "../../src/mod.ts";
import { CA, ONE, OTHER } from "../support/certs.ts";
import { clientHello } from "../support/client_hello.ts";
import { deadAddress, httpOrigin, RawConnection, rawOrigin } from "../support/origin.ts";
import { e2e, tempFolder } from "../support/process.ts";
import { certificateAt, tlsClient, tlsProxy, TRUST } from "../support/tls_proxy.ts";
import { until } from "../support/until.ts";
import { within } from "../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: one.one.one.one\r\n\r\n";
const SERVE = { front: "serve" } as const;
const RELAY = { front: "serve", relayPorts: [0] } as const;

/** A connection, and nothing sent. */
async function connected(port: number): Promise<RawConnection & Disposable> {
  const client = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port }), 0);
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

/** A port that was free a moment ago. */
const freePort = () => Number(deadAddress().split(":")[1]);

for (const [how, listener] of [["by itself", SERVE], ["behind a relay", RELAY]] as const) {
  e2e(`Deno.serve with TLS ${how} speaks HTTP/2 and HTTP/1.1, and tells the upstream who asks`, async () => {
    const seen: string[] = [];
    await using origin = httpOrigin(async (request) => {
      const { headers } = request;
      seen.push(
        `${new URL(request.url).pathname} ${headers.get("x-forwarded-proto")} ` +
          `${headers.get("x-forwarded-for")} ${headers.get("host")}`,
      );
      return new Response(await request.bytes());
    });
    await using proxy = tlsProxy(origin.address, listener);
    const body = "x".repeat(300_000);
    for (const http2 of [true, false]) {
      using client = Deno.createHttpClient({ caCerts: [CA], http1: !http2, http2 });
      const url = `https://127.0.0.1:${proxy.port}`;
      const answer = await fetch(`${url}/${http2 ? 2 : 1}`, { client, method: "POST", body });
      assertEquals(await answer.text(), body);
    }
    using client = await tlsClient(proxy.port);
    await client.write("GET https://one.one.one.one/a HTTP/1.1\r\nHost: one.one.one.one\r\n\r\n");
    assert((await client.readHead())?.startsWith("HTTP/1.1 200"));
    await client.write(
      "GET http://one.one.one.one/b HTTP/1.1\r\nHost: one.one.one.one\r\nConnection: close\r\n\r\n",
    );
    await client.closed();
    assertStringIncludes(client.received, "HTTP/1.1 400");
    const host = `127.0.0.1:${proxy.port}`;
    assertEquals(seen, [
      `/2 https 127.0.0.1 ${host}`,
      `/1 https 127.0.0.1 ${host}`,
      "/a https 127.0.0.1 one.one.one.one",
    ]);
  });

  e2e(`Deno.serve with TLS ${how} serves localhost by HTTP/2`, async () => {
    await using origin = httpOrigin(({ headers }) => new Response(headers.get("host")));
    await using proxy = tlsProxy(origin.address, listener);
    const host = `localhost:${proxy.port}`;
    const command = ["curl", "-sk", "--http2", `https://${host}/`];
    const { stdout } = await new Deno.Command(command[0]!, { args: command.slice(1) }).output();
    assertEquals(new TextDecoder().decode(stdout), host);
  });

  e2e(
    `Deno.serve with TLS ${how} finishes its requests when it stops, and closes idle connections`,
    async () => {
      const asked = Promise.withResolvers<void>();
      const release = Promise.withResolvers<void>();
      await using origin = httpOrigin(async () => {
        asked.resolve();
        await release.promise;
        return new Response("hello");
      });
      await using proxy = tlsProxy(origin.address, listener);
      using idle = await tlsClient(proxy.port);
      using busy = await tlsClient(proxy.port);
      await busy.write(GET);
      await asked.promise;
      const stopped = proxy.running.stop(60_000);
      await within(idle.closed(), "the end of the idle connection");
      release.resolve();
      await within(busy.closed(), "the end of the busy connection");
      assert(busy.received.endsWith("hello"));
      assert(await within(stopped, "the end of the proxy"));
    },
  );
}

e2e("Deno.serve with TLS by itself says that it cannot change its certificate, and keeps it", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin.address, SERVE);
  proxy.put(OTHER);
  assertThrows(() => proxy.running.renewTls(), Error, 'without "relayPorts"');
  assertEquals(await certificateAt(proxy.port), "one.one.one.one");
});

e2e(
  "Deno.serve takes no notice of TLS on a Unix socket: refused without a relay, and served with one",
  async () => {
    await using origin = httpOrigin(() => new Response("hello"));
    using folder = tempFolder();
    const tls = { cert: folder.write("cert.pem", ONE.cert), key: folder.write("key.pem", ONE.key) };
    const listen = `unix:${folder.path}/in.sock`;
    const module = { upstreamPeer: () => ({ address: origin.address }) };
    assertThrows(() => startProxy(module, { listen, listener: { tls } }), RangeError, "relayPorts");
    const running = startProxy(module, { listen, listener: { tls, relayPorts: [0] } });
    const args = [
      "-sk",
      "--http2",
      "-w",
      " %{http_version}",
      "--unix-socket",
      `${folder.path}/in.sock`,
      "https://a/",
    ];
    const { stdout } = await new Deno.Command("curl", { args }).output();
    assertEquals(new TextDecoder().decode(stdout), "hello 2");
    await running.stop(0);
  },
);

e2e("of several certificates, Deno.serve behind a relay shows the one for the name", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin.address, RELAY, [ONE, OTHER]);
  const shown = async (name?: string) => await certificateAt(proxy.port, name);
  assertEquals(await shown("one.one.one.one"), "one.one.one.one");
  assertEquals(await shown("OTHER.test"), "other.test");
  assertEquals(await shown("a.other.test"), "other.test");
  assertEquals(await shown("nobody.test"), "one.one.one.one");
  assertEquals(await shown(), "one.one.one.one");
});

e2e(
  "a new certificate is for new connections of a relay; those before go on, and a bad one changes nothing",
  async () => {
    await using origin = httpOrigin(() => new Response("hello"));
    await using proxy = tlsProxy(origin.address, RELAY);
    using before = await tlsClient(proxy.port);
    proxy.put({ cert: OTHER.cert, key: ONE.key });
    assertThrows(() => proxy.running.renewTls(), Error, "the key is another certificate's");
    assertEquals(await certificateAt(proxy.port), "one.one.one.one");
    proxy.put(OTHER);
    proxy.running.renewTls();
    assertEquals(await certificateAt(proxy.port), "other.test");
    for (let i = 1; i <= 3; i++) {
      await before.write(GET);
      assert(await before.readUntil("hello", before.received.length));
    }
  },
);

e2e("clients that come while a relay's certificate is changed again and again are all served", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin.address, RELAY);
  let served = 0;
  const clients = Array.from({ length: 4 }, async () => {
    for (let i = 0; i < 20; i++) {
      using client = await tlsClient(proxy.port);
      await client.write(GET);
      assert(await client.readUntil("hello"));
      proxy.put(++served % 2 === 0 ? ONE : OTHER);
      proxy.running.renewTls();
    }
  });
  await Promise.all(clients);
  assertEquals(served, 80);
});

e2e(
  "a relay uses its ports over again, and says when connections with an earlier certificate keep them",
  async () => {
    await using origin = httpOrigin(() => new Response("hello"));
    await using proxy = tlsProxy(origin.address, { front: "serve", relayPorts: [freePort(), freePort()] });
    const renewed = () => {
      try {
        proxy.running.renewTls();
        return true;
      } catch {
        return false;
      }
    };
    for (const pair of [OTHER, ONE, OTHER, ONE]) {
      proxy.put(pair);
      await until("a port is free", renewed);
      assertEquals(await certificateAt(proxy.port), pair === ONE ? "one.one.one.one" : "other.test");
    }
    using before = await tlsClient(proxy.port);
    await until("a port is free", renewed);
    await before.write(GET);
    assert(await before.readUntil("hello"));
    assertThrows(() => proxy.running.renewTls(), Error, '"relayPorts" 0 are free, 1 are needed');
    await within(before.closed(), "the end of the connection that kept its port");
    proxy.put(OTHER);
    await until("a port is free", renewed);
    assertEquals(await certificateAt(proxy.port), "other.test");
  },
);

e2e("who connects to a port of a relay without being the relay is refused", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  const port = freePort();
  await using _proxy = tlsProxy(origin.address, { front: "serve", relayPorts: [port] });
  using stranger = await tlsClient(port);
  await stranger.write(GET);
  assert((await stranger.readHead())?.startsWith("HTTP/1.1 403"));
});

e2e(
  "a relay closes clients that speak plain text, leaves others waiting for nobody, and takes a slow beginning",
  async () => {
    await using origin = httpOrigin(() => new Response("hello"));
    await using proxy = tlsProxy(origin.address, RELAY);
    using _silent = await connected(proxy.port);
    using begun = await connected(proxy.port);
    await begun.writeBytes(clientHello({ name: "a" }).subarray(0, 20));
    using plain = await connected(proxy.port);
    await plain.write(GET);
    await within(plain.closed(), "the end of plain text");
    using endless = await connected(proxy.port);
    await endless.writeBytes(clientHello({ padding: 60_000 }));
    await within(endless.closed(), "the end of a beginning without end");
    using client = await tlsClient(proxy.port);
    await client.write(GET);
    assert(await client.readUntil("hello"));
  },
);

e2e("a relay takes a beginning of TLS that comes byte by byte", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin.address, RELAY, [ONE, OTHER]);
  await using between = rawOrigin(async (client) => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
    server.setNoDelay(true);
    const back = (async () => {
      const buffer = new Uint8Array(4096);
      for (let n; (n = await server.read(buffer)) !== null;) await client.writeBytes(buffer.subarray(0, n));
    })().catch(() => {});
    for (let text; (text = await client.read()) !== null;) {
      for (const c of text) await server.write(Uint8Array.of(c.charCodeAt(0)));
    }
    server.close();
    await back;
  });
  assertEquals(await certificateAt(Number(between.address.split(":")[1]), "other.test"), "other.test");
});

e2e("a relay ends the upstream's work when its client goes away", async () => {
  const gone = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    asked.resolve();
    await connection.closed();
    gone.resolve();
  });
  await using proxy = tlsProxy(origin.address, RELAY);
  const client = await tlsClient(proxy.port);
  await client.write(GET);
  await asked.promise;
  client.close();
  await within(gone.promise, "the end of the upstream's connection");
});

e2e("a relay says the end of an answer that ends with its connection, and passes on all of it", async () => {
  const size = 3_000_000;
  await using origin = httpOrigin(() => new Response(new Uint8Array(size)));
  await using proxy = tlsProxy(origin.address, RELAY);
  const socket = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  using conn = await Deno.startTls(socket, { ...TRUST, hostname: "one.one.one.one" });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  const bytes = await new Response(conn.readable).bytes();
  assert(bytes.length > size, String(bytes.length));
});

e2e("a relay that stops at once closes connections, whatever they are doing", async () => {
  const asked = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    asked.resolve();
    await connection.closed();
  });
  const proxy = tlsProxy(origin.address, RELAY);
  using silent = await connected(proxy.port);
  using idle = await tlsClient(proxy.port);
  using busy = await tlsClient(proxy.port);
  await busy.write(GET);
  await asked.promise;
  await within(Promise.resolve(proxy[Symbol.asyncDispose]()), "the end of the proxy");
  await within(Promise.all([silent.closed(), idle.closed(), busy.closed()]), "the end of all three");
});
