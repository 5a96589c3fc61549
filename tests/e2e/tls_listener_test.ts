// The own server with TLS: in process, but reading files takes a permission that the other tests lack.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { startProxy } from "../../src/mod.ts";
import { CA, type KeyPair, ONE, OTHER } from "../support/certs.ts";
import { httpOrigin, type Origin, RawConnection } from "../support/origin.ts";
import { e2e, postern, start, tempFolder } from "../support/process.ts";
import { within } from "../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: one.one.one.one\r\n\r\n";
const FILES = { cert: "cert.pem", key: "key.pem" };

interface TlsProxy extends AsyncDisposable {
  port: number;
  put(pair: KeyPair): void;
  renewTls(): void;
}

/** A proxy that speaks TLS with a certificate which can be put in its place. */
function tlsProxy(origin: Origin, headTimeout = 10_000): TlsProxy {
  const folder = tempFolder();
  const put = ({ cert, key }: KeyPair) => {
    folder.write(FILES.cert, cert);
    folder.write(FILES.key, key);
  };
  put(ONE);
  const tls = { cert: `${folder.path}/${FILES.cert}`, key: `${folder.path}/${FILES.key}` };
  const peer = { address: origin.address };
  const running = startProxy({ upstreamPeer: () => peer }, {
    listen: "127.0.0.1:0",
    listener: { front: "tcp", tls, headTimeout },
  });
  return {
    port: Number(running.address.split(":")[1]),
    put,
    renewTls: running.renewTls,
    async [Symbol.asyncDispose]() {
      await running.stop(0);
      folder[Symbol.dispose]();
    },
  };
}

/** A client that trusts the test CA and, with a name, looks for it in the certificate. */
async function tlsClient(port: number, name: string, alpnProtocols: string[] = []) {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  const conn = await Deno.startTls(socket, { hostname: name, caCerts: [CA], alpnProtocols });
  try {
    const { alpnProtocol } = await conn.handshake();
    const client = new RawConnection(conn, 0);
    return Object.assign(client, { alpnProtocol, [Symbol.dispose]: () => client.close() });
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** Whose certificate a new connection gets. */
async function nameAt(port: number): Promise<string> {
  for (const name of ["one.one.one.one", "other.test"]) {
    try {
      using _client = await tlsClient(port, name);
      return name;
    } catch (error) {
      assert(error instanceof Deno.errors.InvalidData, String(error));
    }
  }
  return "neither";
}

e2e(
  "a listener with TLS answers HTTP/1.1, tells the upstream of https, and takes https: targets alone",
  async () => {
    const seen: string[] = [];
    await using origin = httpOrigin(async (request) => {
      seen.push(`${new URL(request.url).pathname} ${request.headers.get("x-forwarded-proto")}`);
      return new Response(await request.bytes());
    });
    await using proxy = tlsProxy(origin);
    using client = await tlsClient(proxy.port, "one.one.one.one", ["h2", "http/1.1"]);
    assertEquals(client.alpnProtocol, "http/1.1");
    const body = "x".repeat(1_000_000);
    const host = "Host: one.one.one.one\r\n";
    await client.write(`POST /a HTTP/1.1\r\n${host}Content-Length: ${body.length}\r\n\r\n${body}`);
    const head = await client.readHead();
    await client.readUntil(body, head!.length);
    await client.write(`GET https://one.one.one.one/b HTTP/1.1\r\n${host}\r\n`);
    await client.readUntil("HTTP/1.1 200", head!.length + body.length);
    await client.write(`GET http://one.one.one.one/c HTTP/1.1\r\n${host}\r\n`);
    await client.closed();
    assert(client.received.includes("HTTP/1.1 400"));
    assertEquals(seen, ["/a https", "/b https"]);
  },
);

e2e("clients that never shake hands, or speak plain text, are closed and hold nobody up", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin, 200);
  const silent = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port: proxy.port }), 0);
  const plain = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port: proxy.port }), 0);
  await plain.write(GET);
  using client = await tlsClient(proxy.port, "one.one.one.one");
  await client.write(GET);
  await client.readUntil("hello");
  await within(Promise.all([silent.closed(), plain.closed()]), "the end of both");
  for (const connection of [silent, plain]) connection.close();
});

e2e("a new certificate is for new connections, and those before go on", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin);
  using before = await tlsClient(proxy.port, "one.one.one.one");
  proxy.put(OTHER);
  proxy.renewTls();
  // Both listeners accept for a moment.
  while (await nameAt(proxy.port) !== "other.test");
  await before.write(GET);
  await before.readUntil("hello");
});

e2e("clients that come while the certificate is changed again and again are all served", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin);
  let changes = 0;
  const changing = (async () => {
    for (; changes < 6; changes++) {
      proxy.put(changes % 2 === 0 ? OTHER : ONE);
      proxy.renewTls();
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
  })();
  let served = 0;
  for (; changes < 6; served++) {
    assert(await nameAt(proxy.port) !== "neither");
  }
  await changing;
  assert(served > 20, `${served} served`);
});

e2e("a certificate that cannot be used is named, and changes nothing", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin);
  const bad: [pair: KeyPair, message: RegExp][] = [
    [{ cert: OTHER.cert, key: ONE.key }, /cannot use the certificate .*cert\.pem with the key .*key\.pem/],
    [{ cert: "nothing", key: ONE.key }, /cannot use .*cert\.pem: there is no PEM block "CERTIFICATE"/],
    [{ cert: ONE.cert, key: "nothing" }, /cannot use .*key\.pem: there is no PEM block "PRIVATE KEY"/],
    [{ cert: ONE.cert, key: "-----BEGIN ENCRYPTED PRIVATE KEY-----" }, /key\.pem: the key is encrypted/],
  ];
  for (const [pair, message] of bad) {
    proxy.put(pair);
    const error = assertThrows(() => proxy.renewTls(), Error);
    assert(message.test(error.message), error.message);
  }
  assertEquals(await nameAt(proxy.port), "one.one.one.one");
});

e2e("SIGHUP reads the certificate again; what a module with TLS needs is told", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  using folder = tempFolder();
  const cert = folder.write("cert.pem", ONE.cert);
  const key = folder.write("key.pem", ONE.key);
  const file = folder.write(
    "own.ts",
    `export const listen = "127.0.0.1:0";
export const listener = { front: "tcp", tls: { cert: "${cert}", key: "${key}" } };
export const upstreams = [{ address: "${origin.address}" }];
export const upstreamPeer = () => upstreams[0];`,
  );
  const read = `--allow-read=${folder.path}`;
  const needs = await postern([read], ["permissions", file]);
  assert(needs.out.join("\n").includes(`${cert},${key}`), needs.out.join("\n"));
  await using proxy = start([`--allow-net=127.0.0.1:0,${origin.address}`, read], ["run", file]);
  const port = Number((await proxy.err.find(/^listening https:\/\/127\.0\.0\.1:(\d+)$/))[1]);
  await proxy.err.find(/^ready in/);
  assertEquals(await nameAt(port), "one.one.one.one");
  folder.write("cert.pem", "nothing");
  proxy.kill("SIGHUP");
  await proxy.err.find(/^the certificate stays as it was: .*there is no PEM block/);
  folder.write("cert.pem", OTHER.cert);
  folder.write("key.pem", OTHER.key);
  proxy.kill("SIGHUP");
  await proxy.err.find(/^read the certificate .*cert\.pem again$/);
  while (await nameAt(port) !== "other.test");
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
});
