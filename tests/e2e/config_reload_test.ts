// Changing a configuration while it serves.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { busyOrigin } from "../support/busy_origin.ts";
import { PacedLoad } from "../support/paced_load.ts";
import { e2e, type Process, ready, start, tempFolder } from "../support/process.ts";
import { within } from "../support/wire.ts";

const FLAGS = ["--allow-net=127.0.0.1", "--allow-read"];
const RELOADS = 30;

/** Has it load its file again; resolves when it says that it has, or why it has not. */
async function reload(proxy: Process): Promise<string> {
  const from = proxy.err.all.length;
  proxy.kill("SIGHUP");
  return (await within(proxy.err.find(/^(reloaded|not reloaded).*/, from), "a reload"))[0];
}

e2e(`${RELOADS} reloads of everything under load fail no request`, async () => {
  await using a = busyOrigin("a");
  await using b = busyOrigin("b");
  await using c = busyOrigin("c");
  using folder = tempFolder();
  const hook = (i: number) =>
    folder.write(
      "hook.ts",
      `export const net: string[] = [];
       export function responseFilter(_: unknown, { headers }: { headers: Headers }) { headers.set("x-hook", "${i}"); }`,
    );
  const second = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const other = `127.0.0.1:${second.addr.port}`;
  second.close();
  const config = (i: number) =>
    folder.write(
      "postern.yaml",
      `logs: { access: off }
listeners:
  - { address: "127.0.0.1:0", front: tcp, idleTimeout: ${i + 1}m, maxRequests: ${1000 + i} }
${
        i % 3 === 1
          ? `  - { address: "${other}" }`
          : ""
      }
groups:
  web:
    members: ["${b.address}", "${i % 2 === 0 ? a.address : c.address}"]
    policy: ${i % 4 < 2 ? "roundRobin" : "leastRequests"}
    check: { tcp: {}, interval: 200ms }
routes:
  - name: route${i % 5}
    match: { path: /* }
    to: web
    headers: { response: { set: { x-version: "${i}" } } }
    hooks: [{ module: hook.ts }]
${
        i % 2 === 0
          ? `  - { name: more, match: { path: /more }, respond: {} }`
          : ""
      }
`,
    );
  hook(0);
  const file = config(0);
  await using proxy = start(FLAGS, ["run", "-c", file]);
  const address = (await ready(proxy)).replace("http://", "");
  const kept = new PacedLoad(address, { rate: 1_800 });
  const fresh = new PacedLoad(address, { rate: 200, connections: 16, isFresh: true });
  {
    await using _kept = kept;
    await using _fresh = fresh;
    for (let i = 1; i <= RELOADS; i++) {
      hook(i);
      config(i);
      assertStringIncludes(await reload(proxy), "reloaded ");
    }
  }
  const { headers } = await fetch(`http://${address}/`);
  assertEquals([headers.get("x-version"), headers.get("x-hook")], [`${RELOADS}`, `${RELOADS}`]);
  const samples = [...kept.samples, ...fresh.samples];
  assert(samples.length > 500, `${samples.length} requests`);
  assertEquals(samples.filter(({ status }) => status !== 200), []);
  assertEquals(new Set(samples.map(({ origin }) => origin)), new Set(["a", "b", "c"]));
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
});

e2e(
  "a bad file changes nothing and says why; what is known of backends that stay is known after a good one",
  async () => {
    await using origin = busyOrigin("ok");
    using folder = tempFolder();
    const config = (version: string, more = "") =>
      folder.write(
        "postern.yaml",
        `admin: { listen: "127.0.0.1:0" }
listeners: [{ address: "127.0.0.1:0", front: tcp }]
groups:
  web: { members: ["${origin.address}", "127.0.0.1:1"], check: { tcp: {}, interval: 100ms, fall: 1 }${more} }
routes:
  - { to: web, headers: { response: { set: { x-version: ${version} } } } }
`,
      );
    const file = config("one");
    await using proxy = start(FLAGS, ["run", "-c", file]);
    const url = await ready(proxy);
    const [, admin] = await proxy.err.find(/^status (.+)$/);
    const version = async () => {
      const answer = await fetch(url);
      await answer.body?.cancel();
      return answer.headers.get("x-version");
    };
    await proxy.err.find(/127\.0\.0\.1:1 DOWN/);
    assertEquals(await version(), "one");

    folder.write("postern.yaml", "listeners: [{ adress: x }]\n");
    assertStringIncludes(await reload(proxy), "not reloaded");
    assert(
      proxy.err.all.some((line) => line.startsWith(`${file}:1:15: listeners[0].adress`)),
      "the place is told",
    );
    assertEquals(await version(), "one");
    assertStringIncludes((await (await fetch(`${admin}status.json`)).json()).config.problem, "adress");

    // Another policy makes another group; its members are the same.
    config("two", ", policy: leastRequests");
    const told = proxy.err.all.length;
    assertStringIncludes(await reload(proxy), "reloaded");
    for (let i = 0; i < 5; i++) assertEquals(await version(), "two");
    const { groups: [{ backends }], config: { problem } } = await (await fetch(`${admin}status.json`)).json();
    assertEquals(backends.map(({ state }: { state: string }) => state), ["up", "down"]);
    assertEquals([backends[0].requests, problem], [7, ""]);
    assertEquals(proxy.err.all.slice(told).filter((line) => line.includes(":1 DOWN")), [], "it was known");
    // The checks have connections of their own, each of which is closed at once.
    assertEquals(origin.targets.length, 7);
    proxy.kill("SIGTERM");
    assertEquals(await proxy.exit(), 0);
  },
);
