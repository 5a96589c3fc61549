// HTTP/2 from clients that others made, in clear text and by TLS.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { httpOrigin } from "../support/origin.ts";
import { wireOrigin } from "../support/wire_origin.ts";
import { e2e } from "../support/process.ts";
import { testProxy } from "../support/proxy.ts";
import { tlsClient, tlsProxy } from "../support/tls_proxy.ts";

async function run(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, stdout: "piped", stderr: "piped" })
    .output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

const WRITTEN = ["-sk", "-m", "20", "-w", "%{http_version} %{http_code} %{size_download}", "-o", "/dev/null"];

e2e(
  "curl speaks HTTP/2 by ALPN, HTTP/1.1 if it is told to, and HTTP/2 in clear text by prior knowledge",
  async () => {
    await using origin = httpOrigin(async (request) =>
      new Response((await request.bytes()).slice(0, 1_000_000))
    );
    await using tls = tlsProxy(origin.address);
    await using plain = testProxy(origin.address, { front: "tcp" });
    const secure = `https://127.0.0.1:${tls.port}/`;
    assertEquals(await run("curl", ...WRITTEN, secure), "2 200 0");
    assertEquals(await run("curl", ...WRITTEN, "--http1.1", secure), "1.1 200 0");
    assertEquals(await run("curl", ...WRITTEN, "--http2-prior-knowledge", plain.url), "2 200 0");
    // An offer to switch to HTTP/2 is not taken.
    assertEquals(await run("curl", ...WRITTEN, "--http2", plain.url), "1.1 200 0");
    const body = await Deno.makeTempFile();
    await Deno.writeFile(body, new Uint8Array(3_000_000));
    const upload = ["-H", "Expect:", "--data-binary", `@${body}`];
    assertEquals(await run("curl", ...WRITTEN, ...upload, secure), "2 200 1000000");
    assertEquals(
      await run("curl", ...WRITTEN, ...upload, "--http2-prior-knowledge", plain.url),
      "2 200 1000000",
    );
    await Deno.remove(body);
  },
);

e2e("h2load's requests are all answered, many at a time on few connections, by TLS and without", async () => {
  await using origin = wireOrigin(() => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  await using tls = tlsProxy(origin.address);
  await using plain = testProxy(origin.address, { front: "tcp" });
  for (const url of [`https://127.0.0.1:${tls.port}/`, plain.url]) {
    const said = await run("h2load", "-n", "2000", "-c", "4", "-m", "50", url);
    assertMatch(said, /2000 succeeded, 0 failed, 0 errored, 0 timeout/);
  }
  assertEquals(plain.counters.active, 0);
});

e2e("a body of 20 MB arrives whole by HTTP/2 and TLS", async () => {
  await using origin = httpOrigin(() => new Response(new Uint8Array(20_000_000)));
  await using tls = tlsProxy(origin.address);
  assertEquals(await run("curl", ...WRITTEN, `https://127.0.0.1:${tls.port}/`), "2 200 20000000");
});

e2e("with http2 false, HTTP/2 is not offered; who chose it has to speak it", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  await using without = tlsProxy(origin.address, { http2: false });
  assertEquals(await run("curl", ...WRITTEN, `https://127.0.0.1:${without.port}/`), "1.1 200 5");
  await using tls = tlsProxy(origin.address);
  using client = await tlsClient(tls.port, { alpn: ["h2"] });
  assertEquals(client.alpnProtocol, "h2");
  await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.closed();
  assert(!client.received.includes("HTTP/1.1"));
  // And who chose HTTP/1.1 has to speak that.
  using other = await tlsClient(tls.port, { alpn: ["http/1.1"] });
  await other.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await other.closed();
  assert(other.received.startsWith("HTTP/1.1 400"));
});
