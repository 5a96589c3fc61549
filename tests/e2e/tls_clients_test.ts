// curl and h2load against a proxy that runs with exactly what it says it needs.
import { assert, assertEquals } from "@std/assert";
import { type KeyPair, ONE, OTHER } from "../support/certs.ts";
import { deadAddress, httpOrigin } from "../support/origin.ts";
import { e2e, outcome, postern, type Process, start, tempFolder } from "../support/process.ts";
import { hasTool } from "../support/tools.ts";
import { certificateAt } from "../support/tls_proxy.ts";

const HAS_H2LOAD = await hasTool("h2load");

/** A proxy in a process of its own, with certificates in files. */
interface TlsProcess extends AsyncDisposable {
  readonly process: Process;
  readonly port: number;
  /** Where it redirects from. */
  readonly from: string;
  put(pair: KeyPair): void;
}

/** Starts one with the permissions that it asks for. */
async function tlsProcess(upstream: string, listener: string): Promise<TlsProcess> {
  const folder = tempFolder();
  const put = ({ cert, key }: KeyPair) => {
    folder.write("cert.pem", cert);
    folder.write("key.pem", key);
  };
  put(ONE);
  const tls = `{ cert: "${folder.path}/cert.pem", key: "${folder.path}/key.pem" }`;
  const file = folder.write(
    "own.ts",
    `export const listen = "127.0.0.1:0";
export const listener = { tls: ${tls}, hsts: { maxAge: 60 }, redirectHttp: "127.0.0.1:0", ${listener} };
export const upstreams = [{ address: "${upstream}" }];
export const upstreamPeer = () => upstreams[0];`,
  );
  const asked = await postern([`--allow-read=${folder.path}`], ["permissions", file]);
  const flags = asked.out.join(" ").split(" ").filter((word) => word.startsWith("--allow-"));
  const process = start(flags, ["run", "--strict", "--access-log", "off", file]);
  const [, port] = await process.err.find(/^listening https:\/\/127\.0\.0\.1:(\d+)$/);
  const [, from] = await process.err.find(/^listening (http:\/\/127\.0\.0\.1:\d+), to redirect to https$/);
  await process.err.find(/^ready in/);
  return {
    process,
    port: Number(port),
    from: from!,
    put,
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const HOW = [
  ["by itself", ""],
  ["behind a relay", "relayPorts: [0]"],
  ["behind a relay with a port of its own", `relayPorts: [${deadAddress().split(":")[1]}]`],
] as const;

for (const [how, listener] of HOW) {
  e2e(
    `curl by HTTP/2 and HTTP/1.1, and by way of a redirect, gets answers of Deno.serve ${how}`,
    async () => {
      await using origin = httpOrigin(() => new Response("hello"));
      await using proxy = await tlsProcess(origin.address, listener);
      const curl = async (...args: string[]) => {
        const write = " %{http_version} %{url_effective} %header{strict-transport-security}";
        return (await outcome(["curl", "-sS", "-w", write, ...args])).out.join();
      };
      const url = `https://127.0.0.1:${proxy.port}/`;
      const ca = ["--cacert", "tests/support/certs/ca.pem"];
      assertEquals(await curl(...ca, "--http2", url), `hello 2 ${url} max-age=60`);
      assertEquals(await curl(...ca, "--http1.1", url), `hello 1.1 ${url} max-age=60`);
      assertEquals(
        await curl(...ca, "--http2", "-L", "-d", "x", `${proxy.from}/`),
        `hello 2 ${url} max-age=60`,
      );
      proxy.process.kill("SIGTERM");
      assertEquals(await proxy.process.exit(), 0);
    },
  );

  Deno.test({
    name: `h2load sees no request fail by HTTP/2 and HTTP/1.1 with Deno.serve ${how}`,
    ignore: !HAS_H2LOAD,
    async fn() {
      await using origin = httpOrigin(() => new Response("hello"));
      await using proxy = await tlsProcess(origin.address, listener);
      for (const args of [["-c8", "-m10"], ["--h1", "-c8"]]) {
        assertEquals(
          await load(proxy.port, 4_000, ...args),
          "4000 succeeded, 0 failed, 0 errored, 0 timeout",
        );
      }
    },
  });
}

Deno.test({
  name: "no handshake and no request fails while SIGHUP changes the certificate of Deno.serve behind a relay",
  ignore: !HAS_H2LOAD,
  async fn() {
    await using origin = httpOrigin(() => new Response("hello"));
    await using proxy = await tlsProcess(origin.address, "relayPorts: [0]");
    let isOver = false;
    let changes = 0;
    const changing = (async () => {
      while (!isOver) {
        const pair = changes % 2 === 0 ? OTHER : ONE;
        proxy.put(pair);
        const line = proxy.process.err.all.length;
        proxy.process.kill("SIGHUP");
        await proxy.process.err.find(/^read the certificate .*cert\.pem again$/, line);
        changes++;
        assertEquals(await certificateAt(proxy.port), pair === ONE ? "one.one.one.one" : "other.test");
      }
    })();
    // Connections again and again, and few that last.
    for (let i = 0; i < 12; i++) {
      for (const args of [["-c40", "-m2"], ["--h1", "-c40"]]) {
        assertEquals(await load(proxy.port, 400, ...args), "400 succeeded, 0 failed, 0 errored, 0 timeout");
      }
    }
    assertEquals(await load(proxy.port, 6_000, "-c4"), "6000 succeeded, 0 failed, 0 errored, 0 timeout");
    isOver = true;
    await changing;
    assert(changes > 5, String(changes));
    proxy.put({ cert: ONE.cert, key: "nothing" });
    proxy.process.kill("SIGHUP");
    await proxy.process.err.find(/^the certificate stays as it was: .*there is no PEM block/);
    proxy.process.kill("SIGTERM");
    assertEquals(await proxy.process.exit(), 0);
  },
});

/** What h2load says became of so many requests. */
async function load(port: number, requests: number, ...args: string[]): Promise<string> {
  const { out } = await outcome(["h2load", `-n${requests}`, ...args, `https://127.0.0.1:${port}/`]);
  return /^requests: .* done, (.*)$/m.exec(out.join("\n"))?.[1] ?? out.join("\n");
}
