// The samples of balancing, unmodified: by their own task lines in a network namespace, where their ports are free.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { busyOrigin } from "../support/busy_origin.ts";
import { tally } from "../support/group.ts";
import { Namespace, whyNoNamespaces } from "../support/namespace.ts";
import { MAY_RUN, type Process, ready, ROOT, start } from "../support/process.ts";
import { send, valuesOf } from "../support/send.ts";
import { parseMessage, requestText } from "../support/wire.ts";

const why = await whyNoNamespaces();
if (why !== undefined) {
  Deno.stderr.writeSync(
    new TextEncoder().encode(`balancing samples are not tested, no network namespaces: ${why}\n`),
  );
}

const PROXY = "http://127.0.0.1:6188";

/** A test of a sample's task, in a namespace of its own. */
function sample(name: string, fn: (inside: Namespace) => Promise<void>): void {
  Deno.test({
    name,
    ignore: why !== undefined,
    async fn() {
      await using inside = await Namespace.open([]);
      await fn(inside);
    },
  });
}

async function originAt(inside: Namespace, port: number, name: string): Promise<Process> {
  const origin = inside.start([
    Deno.execPath(),
    "run",
    "--no-prompt",
    `--allow-net=127.0.0.1:${port}`,
    "tests/support/named_origin.ts",
    String(port),
    name,
  ]);
  await origin.out.find(/^ready$/);
  return origin;
}

async function task(inside: Namespace, name: string): Promise<Process> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [deno, ...args] = tasks[name].command.split(" ") as [string, ...string[]];
  assertEquals(deno, "deno");
  const proxy = inside.start([Deno.execPath(), ...args]);
  await proxy.err.find(/^ready in/);
  return proxy;
}

/** Who answers so many requests, one after the other. */
async function names(inside: Namespace, n: number, args: readonly string[] = []): Promise<string[]> {
  return await inside.run(["curl", "-s", ...args, `${PROXY}/[1-${n}]`]);
}

async function stop(proxy: Process): Promise<void> {
  proxy.kill("SIGINT");
  assertEquals(await proxy.exit(), 0);
}

sample(
  "sticky_sessions keeps a client that brings its cookie, and spreads those that do not",
  async (inside) => {
    await using _one = await originAt(inside, 6189, "one");
    await using _two = await originAt(inside, 6190, "two");
    await using proxy = await task(inside, "sticky");
    assertEquals(tally(await names(inside, 10)), { one: 5, two: 5 });
    // With an empty cookie file, curl brings back within a run what it was given in it.
    for (const name of ["one", "two"]) {
      assertEquals(tally(await names(inside, 10, ["-b", "/dev/null"])), { [name]: 10 });
    }
    await stop(proxy);
  },
);

sample(
  "canary sends about five of a hundred requests to the new version, and takes it out when it fails",
  async (inside) => {
    await using _present = await originAt(inside, 6189, "present");
    const fresh = await originAt(inside, 6190, "new");
    await using _fresh = fresh;
    await using proxy = await task(inside, "canary");
    const { new: share, present } = tally(await names(inside, 400));
    assertEquals((share ?? 0) + (present ?? 0), 400);
    assert(share! >= 18 && share! <= 22, `${share} of 400`);

    fresh.kill("SIGKILL");
    await fresh.exit();
    assertEquals(
      tally(await names(inside, 200)),
      { present: 200 },
      "a version that is dead costs no request",
    );
    await stop(proxy);
  },
);

sample("failover goes to the backup while the primary is down, and back", async (inside) => {
  const primary = await originAt(inside, 6189, "primary");
  await using _primary = primary;
  await using _backup = await originAt(inside, 6190, "backup");
  await using proxy = await task(inside, "failover");
  assertEquals(tally(await names(inside, 20)), { primary: 20 });

  primary.kill("SIGKILL");
  await primary.exit();
  assertEquals(tally(await names(inside, 20)), { backup: 20 }, "a dead primary costs no request");
  await proxy.err.find(/WARN +upstream 127\.0\.0\.1:6189 DOWN after 2 failures: \S/);
  await proxy.out.count(40);
  const before = proxy.out.all.length;
  assertEquals(tally(await names(inside, 20)), { backup: 20 });
  await proxy.out.count(before + 20);
  for (const line of proxy.out.all.slice(before)) {
    assertMatch(line, / 127\.0\.0\.1:6190 1 /, "one attempt is enough");
  }

  await using _again = await originAt(inside, 6189, "primary again");
  await proxy.err.find(/INFO +upstream 127\.0\.0\.1:6189 UP after 1 success, was down for [\d.]+ s$/);
  assertEquals(tally(await names(inside, 20)), { "primary again": 20 });
  await stop(proxy);
});

sample("failover answers 503 when both are down", async (inside) => {
  await using proxy = await task(inside, "failover");
  await proxy.err.find(/upstream 127\.0\.0\.1:6189 DOWN/);
  await proxy.err.find(/upstream 127\.0\.0\.1:6190 DOWN/);
  assertEquals(await inside.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", PROXY]), ["503"]);
});

Deno.test({
  name: "sticky_sessions with other upstreams: the cookie is set once, and honoured",
  ignore: !MAY_RUN,
  async fn() {
    await using one = busyOrigin("one");
    await using two = busyOrigin("two");
    const upstreams = [one, two].flatMap(({ address }) => ["--upstream", `http://${address}`]);
    await using proxy = start([`--allow-net=127.0.0.1:0,${one.address},${two.address}`], [
      "run",
      "sticky_sessions",
      "--listen",
      "127.0.0.1:0",
      ...upstreams,
    ]);
    const address = (await ready(proxy)).slice("http://".length);
    const visit = async (lines = "") => {
      const text = await send(address, requestText("GET", "/", lines));
      return { body: parseMessage(text).body, set: valuesOf(text, "set-cookie") };
    };
    for (const body of ["one", "two"]) {
      const first = await visit();
      assertEquals(first.body, body);
      assertMatch(first.set.join(), /^server=[^;]+;/);
      const cookie = first.set[0]!.split(";")[0];
      for (let i = 0; i < 4; i++) assertEquals(await visit(`Cookie: ${cookie}\r\n`), { body, set: [] });
    }
    proxy.kill("SIGINT");
    assertEquals(await proxy.exit(), 0);
  },
});
