import { assertEquals, assertMatch } from "@std/assert";
import { cannedOrigin, deadAddress, httpOrigin } from "../support/origin.ts";
import { rawClient } from "../support/proxy.ts";
import { e2e, Process, ready, simple } from "../support/process.ts";
import { send } from "../support/send.ts";
import { until } from "../support/until.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Makes requests one after another on each of a few connections; how many were answered. */
async function many(url: string, connections: number, each: number, target: string): Promise<number> {
  let answered = 0;
  const work = Array.from({ length: connections }, async () => {
    using client = await rawClient(new URL(url).host);
    for (let i = 0; i < each; i++) {
      const from = client.received.length;
      await client.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      if (!await client.readUntil("\r\n\r\nok", from)) return;
      client.received = "";
      answered++;
    }
  });
  await Promise.all(work);
  return answered;
}

e2e("a reader of standard output that is gone does not stop the traffic", async () => {
  await using origin = cannedOrigin(ANSWER);
  await using proxy = simple(origin.address, [], { stdout: "closed" });
  const url = await ready(proxy);
  assertEquals(await many(url, 2, 20, "/first"), 40);
  await proxy.err.find(/WARN +access log: \d+ lines dropped/);
  assertEquals(await many(url, 2, 20, "/second"), 40);
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
});

e2e(
  "a reader of standard output that never reads does not stop the traffic, and dropped lines are told",
  async () => {
    await using origin = cannedOrigin(ANSWER);
    await using proxy = simple(origin.address, [], { stdout: "stuck" });
    const url = await ready(proxy);
    // 5,000 lines of more than 600 characters: far more than what is held back (1 MB), the pipe and its reader take.
    assertEquals(await many(url, 4, 1250, `/?${"q".repeat(600)}`), 5000);
    await proxy.err.find(/WARN +access log: \d+ lines dropped/);
    proxy.kill("SIGTERM");
    assertEquals(await proxy.exit(), 0);
  },
);

/** `simple_proxy` with at most 40 file descriptors: `bash` sets the limit, then becomes Deno. */
function confined(listen: string, origin: string): Process {
  const args = `main.ts run simple_proxy --listen ${listen} --upstream http://${origin}`;
  const flags = `--no-prompt --allow-net=${listen},${origin}`;
  return new Process(["bash", "-c", `ulimit -n 40; exec '${Deno.execPath()}' run ${flags} ${args}`]);
}

/** Opens connections until the proxy's listener has failed; gives them back. */
async function exhaust(proxy: Process, listen: string): Promise<Deno.Conn[]> {
  const [hostname, port] = listen.split(":") as [string, string];
  const idle: Deno.Conn[] = [];
  for (let i = 0; i < 100; i++) {
    // Refused when the listener has failed already and is not open again.
    const conn = await Deno.connect({ hostname, port: Number(port) }).catch(() => null);
    if (conn !== null) idle.push(conn);
  }
  await proxy.err.find(/listener failed: .*too many open files/i);
  return idle;
}

e2e("out of file descriptors, the process lives and answers again when connections are closed", async () => {
  await using origin = httpOrigin(() => new Response("hello"));
  // Not port 0: Deno would not let the proxy listen again on the port that it got.
  const listen = deadAddress();
  await using proxy = confined(listen, origin.address);
  await ready(proxy);
  for (const conn of await exhaust(proxy, listen)) conn.close();

  const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  let answer = "";
  let asking = false;
  await until("a request on a new connection is answered", () => {
    if (asking || answer.endsWith("hello")) return !asking;
    asking = true;
    send(listen, request).then((text) => answer = text, () => {}).finally(() => asking = false);
    return false;
  });
  // A listener that fails again is open again a moment later; what counts is that it comes to rest.
  let inARow = 0;
  for (let i = 0; i < 1_000 && inARow < 50; i++) {
    inARow = await send(listen, request).then((text) => text.endsWith("hello") ? inARow + 1 : 0, () => 0);
  }
  assertEquals(inARow, 50);
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
});

e2e(
  "a request that came before the listener failed is still waited for when the proxy is stopped",
  async () => {
    const asked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    await using origin = httpOrigin(async () => {
      asked.resolve();
      await release.promise;
      return new Response("hello");
    });
    const listen = deadAddress();
    await using proxy = confined(listen, origin.address);
    await ready(proxy);
    const answer = send(listen, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await asked.promise;
    for (const conn of await exhaust(proxy, listen)) conn.close();
    proxy.kill("SIGTERM");
    await proxy.err.find(/SIGTERM: finishing 1 requests/);
    release.resolve();
    assertMatch(await answer, /^HTTP\/1.1 200 OK\r\n[^]*hello$/);
    assertEquals(await proxy.exit(), 0);
  },
);
