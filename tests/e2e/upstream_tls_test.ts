// --upstream https://: origins that stand in for a module's own, under the same name.
import { assertEquals } from "@std/assert";
import { CA, OTHER } from "../support/certs.ts";
import { e2e, ready, start, tempFolder } from "../support/process.ts";
import { tlsOrigin } from "../support/tls_origin.ts";

/** The status and the upstream line of a module with these TLS settings, its upstreams replaced by `url`. */
async function replaced(peers: string, url: string): Promise<[status: number, line: string]> {
  using folder = tempFolder();
  const file = folder.write(
    "own.ts",
    `export const upstreams = ${peers};\nexport const upstreamPeer = () => upstreams[0];`,
  );
  const address = url.slice("https://".length);
  await using proxy = start(
    [`--allow-read=${folder.path}`, `--allow-net=127.0.0.1:0,${address}`],
    ["run", file, "--listen", "127.0.0.1:0", "--upstream", url],
  );
  const response = await fetch(await ready(proxy));
  await response.body?.cancel();
  return [response.status, proxy.err.all[2]!];
}

const named = (address: string, serverName: string) =>
  `{ address: "${address}", tls: { serverName: "${serverName}", caCerts: [${JSON.stringify(CA)}] } }`;

e2e("--upstream https:// keeps the TLS settings that all of a module's upstreams share", async () => {
  await using origin = tlsOrigin(OTHER);
  const peers = `[${named("10.0.0.1:443", "other.test")}, ${named("10.0.0.2:443", "other.test")}]`;
  assertEquals(await replaced(peers, `https://${origin.address}`), [
    200,
    `upstream ${origin.address} (TLS, other.test)`,
  ]);
});

e2e("--upstream https:// keeps no TLS settings where a module's upstreams differ in them", async () => {
  await using origin = tlsOrigin(OTHER);
  for (const second of [named("10.0.0.2:443", "b.test"), `{ address: "10.0.0.2:80" }`]) {
    const peers = `[${named("10.0.0.1:443", "other.test")}, ${second}]`;
    assertEquals(await replaced(peers, `https://${origin.address}`), [
      502,
      `upstream ${origin.address} (TLS, named by its address)`,
    ]);
  }
});

e2e("the samples keep their server name, so that an origin with their certificate can stand in", async () => {
  for (const sample of ["simple_proxy", "load_balancer"]) {
    await using proxy = start(
      ["--allow-net=127.0.0.1:0,127.0.0.1:9"],
      ["run", sample, "--listen", "127.0.0.1:0", "--upstream", "https://127.0.0.1:9"],
    );
    await ready(proxy);
    assertEquals(proxy.err.all[2], "upstream 127.0.0.1:9 (TLS, one.one.one.one)");
  }
});
