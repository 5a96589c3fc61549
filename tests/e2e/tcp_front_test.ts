/** The own server in a process of its own: its end, its descriptors, and how it is asked for. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { cannedOrigin, deadAddress, rawOrigin } from "../support/origin.ts";
import { e2e, postern, Process, ready, simple, start, tempFolder } from "../support/process.ts";
import { rawClient } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";
import { until } from "../support/until.ts";
import { within } from "../support/wire.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const TCP = ["--front", "tcp"];

e2e(
  "SIGTERM on the own server closes idle connections, answers the request under way and exits 0",
  async () => {
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    await using origin = rawOrigin(async (connection) => {
      await connection.readHead();
      asked.resolve();
      await told.promise;
      await connection.write(ANSWER);
      await connection.closed();
    });
    await using proxy = simple(origin.address, TCP);
    const { host } = new URL(await ready(proxy));
    using idle = await rawClient(host);
    using busy = await rawClient(host);
    await busy.write(GET);
    await asked.promise;
    proxy.kill("SIGTERM");
    await proxy.err.find(/^SIGTERM: finishing 1 requests/);
    await within(idle.closed(), "the end of the idle connection");
    await assertRejects(() => rawClient(host), Deno.errors.ConnectionRefused);
    told.resolve();
    await within(busy.closed(), "the end of the answer");
    assertEquals([statusOf(busy.received), valuesOf(busy.received, "connection")], [200, ["close"]]);
    assertEquals(await proxy.exit(), 0);
    assertEquals(proxy.out.all.length, 1, "the request is in the access log");
  },
);

/** `simple_proxy` on the own server with at most 64 file descriptors: `bash` sets the limit, then becomes Deno. */
function confined(listen: string, origin: string): Process {
  const args =
    `main.ts run simple_proxy --front tcp --access-log off --listen ${listen} --upstream http://${origin}`;
  const flags = `--no-prompt --allow-net=${listen},${origin}`;
  return new Process(["bash", "-c", `ulimit -n 64; exec '${Deno.execPath()}' run ${flags} ${args}`]);
}

e2e(
  "out of file descriptors, idle connections make room, the log is not flooded, and the process lives",
  async () => {
    await using origin = cannedOrigin(ANSWER);
    const listen = deadAddress();
    await using proxy = confined(listen, origin.address);
    await ready(proxy);
    const clients = await Promise.all(Array.from({ length: 150 }, () => rawClient(listen)));
    await proxy.err.find(/cannot accept a connection: .*too many open files/i);
    // All of them are accepted in the end, the last ones in place of the first.
    let closed = 0;
    for (const client of clients) client.closed().then(() => closed++);
    await until("most of them made room", () => closed >= 80);
    for (const client of clients) client.close();
    let answers = 0;
    await until("requests are answered again", () => {
      send(listen, GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
        .then((text) => text.endsWith("hello") && answers++, () => {});
      return answers >= 20;
    });
    const lines = proxy.err.all.filter((line) => line.includes("cannot accept"));
    assert(lines.length <= 3, `it was said ${lines.length} times:\n${lines.join("\n")}`);
    proxy.kill("SIGTERM");
    assertEquals(await proxy.exit(), 0);
  },
);

e2e("large transfers go through where the process may not connect to itself", async () => {
  const body = "x".repeat(3_000_000);
  await using origin = cannedOrigin(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  // Port 0 is what it may listen on, and not where it then is.
  await using proxy = simple(origin.address, TCP);
  const { host } = new URL(await ready(proxy));
  const request = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
  const answers = await Promise.all([1, 2, 3].map(() => send(host, request)));
  for (const answer of answers) assert(answer.endsWith(`\r\n\r\n${body}`), `${answer.length} bytes came`);
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
});

const USAGE: [args: string[], message: string][] = [
  [["run", "simple_proxy", "--front", "bogus"], '--front is "bogus", allowed are serve, tcp'],
  [["check", "simple_proxy", "--front", "tcp"], "check takes no --front"],
  [["permissions", "simple_proxy", "--front", "tcp"], "permissions takes no --front"],
  [["demo", "--front", "tcp"], "demo takes no --front"],
];

for (const [args, message] of USAGE) {
  e2e(`${args.join(" ")} is refused as usage`, async () => {
    const { code, out, err } = await postern([], args);
    assertEquals([code, out], [2, []]);
    assertStringIncludes(err.join("\n"), message);
  });
}

e2e("--front comes before the front in a module's listener, whose other settings stay", async () => {
  await using origin = cannedOrigin(ANSWER);
  using folder = tempFolder();
  const text = (listener: string) =>
    `export const net = ["${origin.address}"];\nexport const listener = ${listener};\n` +
    `export const upstreamPeer = () => ({ address: "${origin.address}" });\n`;
  const flags = [`--allow-net=127.0.0.1:0,${origin.address}`, `--allow-read=${folder.path}`];
  const where = ["--listen", "127.0.0.1:0"];
  const own = folder.write("own.ts", text("{ front: 'tcp', maxRequests: 1 }"));
  await using proxy = start(flags, ["run", own, ...where, ...TCP]);
  using client = await rawClient(new URL(await ready(proxy)).host);
  await client.write(GET);
  assertEquals(valuesOf(await client.readHead() ?? "", "connection"), ["close"]);

  await using refused = start(flags, ["run", own, ...where, "--front", "serve"]);
  assertEquals(await refused.exit(), 1);
  assertStringIncludes(
    refused.err.all.join("\n"),
    'listener "maxRequests" is for the front "tcp", this one is "serve"',
  );
});
