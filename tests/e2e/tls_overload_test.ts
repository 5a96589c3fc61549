import { assertEquals } from "@std/assert";
import { ONE } from "../support/certs.ts";
import { httpOrigin } from "../support/origin.ts";
import { e2e, Process, tempFolder } from "../support/process.ts";
import { tlsClient } from "../support/tls_proxy.ts";

const LISTENERS = { tcp: 'front: "tcp", headTimeout: 1_000', serve: "relayPorts: [0]" };

for (const [front, listener] of Object.entries(LISTENERS)) {
  e2e(
    `clients that never shake hands take all descriptors for a while, not for good (${front})`,
    async () => {
      await using origin = httpOrigin(() => new Response("hello"));
      using folder = tempFolder();
      const [cert, key] = [folder.write("cert.pem", ONE.cert), folder.write("key.pem", ONE.key)];
      const file = folder.write(
        "own.ts",
        `export const listen = "127.0.0.1:0";
export const listener = { ${listener}, tls: { cert: "${cert}", key: "${key}" } };
const peer = { address: "${origin.address}" };
export const upstreamPeer = () => peer;`,
      );
      const flags = `--no-prompt --allow-net=127.0.0.1 --allow-read=${folder.path}`;
      // `bash` sets the limit, then becomes Deno.
      const command = `ulimit -n 64; exec '${Deno.execPath()}' run ${flags} main.ts run ${file}`;
      await using proxy = new Process(["bash", "-c", command]);
      const port = Number((await proxy.err.find(/^listening https:\/\/127\.0\.0\.1:(\d+)$/))[1]);
      const silent = await Promise.all(
        Array.from({ length: 100 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
      );
      await proxy.err.find(/cannot accept a connection: .*too many open files/i);
      // They stay: that they are closed is the proxy's doing.
      // A relay needs three descriptors more for a client, which may go away again before they are all there.
      const most = front === "tcp" ? 5 : 200;
      let inARow = 0;
      for (let i = 0; i < most && inARow < 5; i++) inARow = await isServed(port) ? inARow + 1 : 0;
      assertEquals(inARow, 5);
      for (const conn of silent) conn.close();
      proxy.kill("SIGTERM");
      assertEquals(await proxy.exit(), 0);
    },
  );
}

/** Whether a new client gets an answer of the upstream's. */
async function isServed(port: number): Promise<boolean> {
  try {
    using client = await tlsClient(port);
    await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    return (await client.readHead())?.startsWith("HTTP/1.1 200") ?? false;
  } catch {
    return false;
  }
}
