// The own server with TLS: in process, but reading files takes a permission that the other tests lack.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type KeyPair, ONE, OTHER } from "../support/certs.ts";
import { httpOrigin, RawConnection } from "../support/origin.ts";
import { e2e, postern, start, tempFolder } from "../support/process.ts";
import { certificateAt, tlsClient, tlsProxy } from "../support/tls_proxy.ts";
import { within } from "../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: one.one.one.one\r\n\r\n";

e2e(
  "a listener with TLS answers HTTP/1.1, tells the upstream of https, and takes https: targets alone",
  async () => {
    const seen: string[] = [];
    await using origin = httpOrigin(async (request) => {
      seen.push(`${new URL(request.url).pathname} ${request.headers.get("x-forwarded-proto")}`);
      return new Response(await request.bytes());
    });
    await using proxy = tlsProxy(origin.address);
    using client = await tlsClient(proxy.port, { alpn: ["http/1.1"] });
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
  await using proxy = tlsProxy(origin.address, { headTimeout: 200 });
  const silent = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port: proxy.port }), 0);
  const plain = new RawConnection(await Deno.connect({ hostname: "127.0.0.1", port: proxy.port }), 0);
  await plain.write(GET);
  using client = await tlsClient(proxy.port);
  await client.write(GET);
  await client.readUntil("hello");
  await within(Promise.all([silent.closed(), plain.closed()]), "the end of both");
  for (const connection of [silent, plain]) connection.close();
});

e2e("a new certificate is for new connections, and those before go on", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin.address);
  using before = await tlsClient(proxy.port);
  proxy.put(OTHER);
  proxy.running.renewTls();
  assertEquals(await certificateAt(proxy.port), "other.test");
  await before.write(GET);
  await before.readUntil("hello");
});

e2e("clients that come while the certificate is changed again and again are all served", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin.address);
  let served = 0;
  const clients = Array.from({ length: 4 }, async () => {
    for (let i = 0; i < 40; i++) {
      using client = await tlsClient(proxy.port);
      await client.write(GET);
      assert(await client.readUntil("hello"));
      proxy.put(++served % 2 === 0 ? ONE : OTHER);
      proxy.running.renewTls();
    }
  });
  await Promise.all(clients);
  assertEquals(served, 160);
});

e2e("with http2 false, a client that speaks HTTP/2 alone is refused by TLS", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin.address, { http2: false });
  await assertRejects(() => tlsClient(proxy.port, { alpn: ["h2"] }));
  using client = await tlsClient(proxy.port, { alpn: ["http/1.1"] });
  await client.write(GET);
  assert(await client.readUntil("hello"));
});

e2e("a certificate that cannot be used is named, and changes nothing", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using proxy = tlsProxy(origin.address);
  const bad: [pair: KeyPair, message: RegExp][] = [
    [
      { cert: OTHER.cert, key: ONE.key },
      /the certificate .*cert0\.pem with the key .*key0\.pem: the key is another certificate's$/,
    ],
    [{ cert: "nothing", key: ONE.key }, /cannot use .*cert0\.pem: there is no PEM block "CERTIFICATE"/],
    [{ cert: ONE.cert, key: "nothing" }, /cannot use .*key0\.pem: there is no PEM block "PRIVATE KEY"/],
    [{ cert: ONE.cert, key: "-----BEGIN ENCRYPTED PRIVATE KEY-----" }, /key0\.pem: the key is encrypted/],
    [
      { cert: ONE.cert, key: ONE.key.replace(/MIG.*/, "AAAA") },
      /cannot use .*key0\.pem: the key is damaged: /,
    ],
    [
      { cert: ONE.cert.replace(/MII.*/, "AAAA"), key: ONE.key },
      /cert0\.pem: certificate 1 in it is damaged: /,
    ],
    [
      { cert: ONE.cert + OTHER.cert.replace(/MII.*/, "AAAA"), key: ONE.key },
      /certificate 2 in it is damaged: /,
    ],
  ];
  for (const [pair, message] of bad) {
    proxy.put(pair);
    const error = assertThrows(() => proxy.running.renewTls(), Error);
    assert(message.test(error.message), error.message);
  }
  assertEquals(await certificateAt(proxy.port), "one.one.one.one");
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
  assertEquals(await certificateAt(port), "one.one.one.one");
  folder.write("cert.pem", "nothing");
  proxy.kill("SIGHUP");
  await proxy.err.find(/^the certificate stays as it was: .*there is no PEM block/);
  folder.write("cert.pem", OTHER.cert);
  folder.write("key.pem", OTHER.key);
  proxy.kill("SIGHUP");
  await proxy.err.find(/^read the certificate .*cert\.pem again$/);
  assertEquals(await certificateAt(port), "other.test");
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
});
