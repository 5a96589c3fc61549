// Which certificate a client is shown, and the PROXY protocol ahead of TLS.
import { assert, assertEquals } from "@std/assert";
import { writeProxyHeader } from "../../src/http/proxy_protocol_writer.ts";
import { listenerProblems } from "../../src/proxy/listener_check.ts";
import { needsOf } from "../../src/sandbox/needs.ts";
import { captureLog } from "../support/captured_log.ts";
import { ONE, OTHER } from "../support/certs.ts";
import { latin1, rawOrigin } from "../support/origin.ts";
import { e2e } from "../support/process.ts";
import { valuesOf } from "../support/send.ts";
import { certificateAt, tlsClient, tlsProxy } from "../support/tls_proxy.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CLIENT = { hostname: "192.0.2.7", port: 5555 };
const SERVER = { hostname: "198.51.100.1", port: 443 };

const names: [asked: string | undefined, shown: string][] = [
  ["one.one.one.one", "one.one.one.one"],
  ["other.test", "other.test"],
  ["OTHER.test", "other.test"],
  ["a.other.test", "other.test"],
  ["a.b.other.test", "one.one.one.one"],
  ["nobody.test", "one.one.one.one"],
  ["localhost", "one.one.one.one"],
  [undefined, "one.one.one.one"],
];

e2e("of several certificates, a client is shown the one for the name it asks for, or the first", async () => {
  await using origin = wireOrigin();
  await using proxy = tlsProxy(origin.address, {}, [ONE, OTHER]);
  for (const [asked, shown] of names) assertEquals(await certificateAt(proxy.port, asked), shown, asked);
  proxy.put(OTHER);
  proxy.running.renewTls();
  assertEquals(await certificateAt(proxy.port, "nobody.test"), "other.test");
});

Deno.test("several certificates are listed with the files that have to be read", () => {
  const tls = [{ cert: "a.pem", key: "a.key" }, { cert: "b.pem", key: "b.key" }];
  const module = {
    listener: { front: "tcp" as const, tls },
    upstreamPeer: () => ({ address: "127.0.0.1:1" }),
  };
  const read = needsOf(module).filter(({ kind }) => kind === "read").map(({ value }) => value);
  assertEquals(read, ["a.pem", "a.key", "b.pem", "b.key"]);
  assertEquals(listenerProblems({ front: "tcp", tls, proxyProtocol: ["10.0.0.0/8"] }), []);
  for (const wrong of [[], [{ cert: "a.pem" }], [[]], "a.pem", { ...tls[0], more: 1 }]) {
    const [problem] = listenerProblems({ front: "tcp", tls: wrong });
    assert(problem?.endsWith("expected { cert, key }, the paths of two PEM files, or a list of such pairs"));
  }
});

/** Passes a connection's first bytes on with a PROXY header before them, all at once: a load balancer. */
function balancer(port: number, header: string) {
  return rawOrigin(async (client) => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    const hello = await client.read();
    await server.write(Uint8Array.from(header + hello, (c) => c.charCodeAt(0)));
    const back = (async () => {
      const buffer = new Uint8Array(1024);
      for (let n; (n = await server.read(buffer)) !== null;) await client.writeBytes(buffer.subarray(0, n));
    })().catch(() => {});
    for (let text; (text = await client.read()) !== null;) {
      await server.write(Uint8Array.from(text, (c) => c.charCodeAt(0)));
    }
    server.close();
    await back;
  });
}

for (const version of [1, 2] as const) {
  e2e(`a PROXY header of version ${version} may come ahead of TLS`, async () => {
    await using origin = wireOrigin();
    await using proxy = tlsProxy(origin.address, { proxyProtocol: ["127.0.0.1"] });
    const header = latin1(writeProxyHeader(version, CLIENT, SERVER));
    await using glued = balancer(proxy.port, header);
    using one = await tlsClient(proxy.port, { ahead: header });
    using other = await tlsClient(Number(glued.address.split(":")[1]));
    for (const client of [one, other]) {
      await client.write(GET);
      assert(await client.readHead());
    }
    assertEquals(origin.requests.map(({ text }) => valuesOf(text, "x-forwarded-for")[0]), [
      CLIENT.hostname,
      CLIENT.hostname,
    ]);
    assertEquals(origin.requests.map(({ text }) => valuesOf(text, "x-forwarded-proto")[0]), [
      "https",
      "https",
    ]);
  });
}

e2e("where a PROXY header is due ahead of TLS, a client without one is not answered", async () => {
  using _log = captureLog();
  await using origin = wireOrigin();
  await using proxy = tlsProxy(origin.address, { proxyProtocol: ["127.0.0.1"] });
  const refused = await tlsClient(proxy.port).then((client) => client.close(), () => "refused");
  assertEquals(refused, "refused");
  assertEquals(origin.requests.length, 0);
});
