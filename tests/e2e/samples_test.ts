// The samples unmodified, by their own task lines, with 1.1.1.1 and 1.0.0.1 on this machine: in a network namespace.
import { assertEquals, assertMatch } from "@std/assert";
import { Namespace, whyNoNamespaces } from "../support/namespace.ts";
import { type Process, ROOT } from "../support/process.ts";

const why = await whyNoNamespaces();
if (why !== undefined) {
  Deno.stderr.writeSync(new TextEncoder().encode(`samples are not tested, no network namespaces: ${why}\n`));
}

/** A test of a sample, in a namespace of its own. */
function sample(name: string, fn: (inside: Namespace) => Promise<void>): void {
  Deno.test({
    name,
    ignore: why !== undefined,
    async fn() {
      await using inside = await Namespace.open(["1.1.1.1", "1.0.0.1"]);
      await fn(inside);
    },
  });
}

/** Starts an origin for `one.one.one.one` at an address. */
async function originAt(inside: Namespace, address: string): Promise<Process> {
  const origin = inside.start([
    Deno.execPath(),
    "run",
    "--no-prompt",
    `--allow-net=${address}:443`,
    "tests/support/one_origin.ts",
    address,
  ]);
  await origin.out.find(/^ready$/);
  return origin;
}

/** Starts a task of `deno.json` as its line says; the test CA is trusted by way of the environment. */
async function task(inside: Namespace, name: string): Promise<Process> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [deno, ...args] = tasks[name].command.split(" ") as [string, ...string[]];
  assertEquals(deno, "deno");
  const proxy = inside.start([Deno.execPath(), ...args], {
    env: { DENO_CERT: `${ROOT}tests/support/certs/ca.pem` },
  });
  await proxy.err.find(/^ready in/);
  return proxy;
}

/** An answer, as `curl` showed it. */
interface Answer {
  status: number;
  headers: Map<string, string>;
  /** What the origin says of itself and of the request. */
  origin: { address: string; headers: Record<string, string> };
}

/** The request that every sample promises to answer. */
async function ask(inside: Namespace, args: readonly string[] = []): Promise<Answer> {
  const curl = ["curl", "-si", "http://127.0.0.1:6188", "-H", "Host: one.one.one.one"];
  const lines = (await inside.run([...curl, ...args])).map((line) => line.trimEnd());
  const end = lines.indexOf("");
  const body = lines.slice(end + 1).join("\n");
  return {
    status: Number(lines[0]!.split(" ")[1]),
    headers: new Map(
      lines.slice(1, end).map((line) => {
        const [name, value] = line.split(": ", 2) as [string, string];
        return [name.toLowerCase(), value];
      }),
    ),
    origin: body.startsWith("{") ? JSON.parse(body) : { address: "", headers: {} },
  };
}

async function addresses(inside: Namespace, n: number): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < n; i++) found.push((await ask(inside)).origin.address);
  return found;
}

sample("simple_proxy forwards to 1.1.1.1 by TLS as one.one.one.one", async (inside) => {
  await using _origin = await originAt(inside, "1.1.1.1");
  await using proxy = await task(inside, "simple");
  const { status, headers, origin } = await ask(inside, ["-H", "Cookie: a=1"]);
  assertEquals([status, origin.address], [200, "1.1.1.1"]);
  assertEquals([origin.headers.host, origin.headers.cookie], ["one.one.one.one", "a=1"]);
  assertEquals([headers.get("server"), headers.get("alt-svc")], ["origin", 'h3=":443"']);
  assertEquals(proxy.err.all.slice(1, 4), [
    "listening http://127.0.0.1:6188",
    "upstream 1.1.1.1:443 (TLS, one.one.one.one)",
    "hooks upstreamPeer",
  ]);
  proxy.kill("SIGINT");
  assertEquals(await proxy.exit(), 0);
});

sample("simple_proxy answers 502, and no other address, when 1.1.1.1 is dead", async (inside) => {
  await using _other = await originAt(inside, "1.0.0.1");
  await using proxy = await task(inside, "simple");
  assertEquals((await ask(inside)).status, 502);
  await proxy.out.find(/ 502 \d+ UF 1\.1\.1\.1:443 2 /);
});

sample("simple_proxy answers 502 when the certificate is of a CA that is not trusted", async (inside) => {
  await using _origin = await originAt(inside, "1.1.1.1");
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  await using proxy = inside.start([Deno.execPath(), ...tasks.simple.command.split(" ").slice(1)]);
  await proxy.err.find(/^ready in/);
  assertEquals((await ask(inside)).status, 502);
  await proxy.err.find(/ WARN .* tls_failed: /);
});

sample("load_balancer alternates, leaves out the upstream that is down and takes it back", async (inside) => {
  await using _one = await originAt(inside, "1.1.1.1");
  await using two = await originAt(inside, "1.0.0.1");
  await using proxy = await task(inside, "lb");
  const [first, second, ...rest] = await addresses(inside, 6);
  assertEquals([first, second].sort(), ["1.0.0.1", "1.1.1.1"]);
  assertEquals(rest, [first, second, first, second]);

  two.kill("SIGKILL");
  await two.exit();
  assertEquals(await addresses(inside, 6), Array(6).fill("1.1.1.1"), "a dead upstream costs no request");
  await proxy.err.find(/WARN +upstream 1\.0\.0\.1:443 DOWN after 1 failure: \S/);
  assertEquals(await addresses(inside, 4), Array(4).fill("1.1.1.1"));
  await proxy.out.count(16);
  for (const line of proxy.out.all.slice(12)) {
    assertMatch(line, / 1\.1\.1\.1:443 1 /, "one attempt is enough");
  }

  await using _again = await originAt(inside, "1.0.0.1");
  await proxy.err.find(/INFO +upstream 1\.0\.0\.1:443 UP after 1 success, was down for [\d.]+ s$/);
  assertEquals((await addresses(inside, 4)).sort(), ["1.0.0.1", "1.0.0.1", "1.1.1.1", "1.1.1.1"]);
  proxy.kill("SIGINT");
  assertEquals(await proxy.exit(), 0);
});

sample("load_balancer answers 503 when both are down", async (inside) => {
  await using proxy = await task(inside, "lb");
  await proxy.err.find(/upstream 1\.1\.1\.1:443 DOWN/);
  await proxy.err.find(/upstream 1\.0\.0\.1:443 DOWN/);
  assertEquals((await ask(inside)).status, 503);
  await proxy.out.find(/ 503 \d+ UH - /);
});

sample(
  "header_filter edits the request before the upstream and the response before the client",
  async (inside) => {
    await using _origin = await originAt(inside, "1.1.1.1");
    await using proxy = await task(inside, "header");
    const { status, headers, origin } = await ask(inside, ["-H", "Cookie: a=1", "-H", "X-Kept: yes"]);
    assertEquals([status, origin.address], [200, "1.1.1.1"]);
    const seen = origin.headers;
    assertEquals([seen.host, seen["x-proxied-by"], seen.cookie, seen["x-kept"]], [
      "one.one.one.one",
      "postern",
      undefined,
      "yes",
    ]);
    assertEquals([headers.get("server"), headers.get("alt-svc")], ["postern", undefined]);
    assertEquals(headers.get("content-type"), "application/json");
    proxy.kill("SIGINT");
    assertEquals(await proxy.exit(), 0);
  },
);
