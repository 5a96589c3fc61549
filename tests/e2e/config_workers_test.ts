// Several processes that share the listeners of a configuration.
import { assert, assertEquals } from "@std/assert";
import { Namespace, whyNoNamespaces } from "../support/namespace.ts";
import { httpOrigin } from "../support/origin.ts";
import { e2e, postern, start, tempFolder } from "../support/process.ts";
import { within } from "../support/wire.ts";

function freePorts(count: number): number[] {
  // Beside each other, as the admin listeners count up, and below those that the system gives to connections.
  for (;;) {
    const first = 10_000 + Math.floor(Math.random() * 20_000);
    const listeners: Deno.Listener[] = [];
    try {
      for (let i = 0; i < count; i++) {
        listeners.push(Deno.listen({ hostname: "127.0.0.1", port: first + i }));
      }
      return listeners.map((_, i) => first + i);
    } catch {
      /* taken */
    } finally {
      for (const listener of listeners) listener.close();
    }
  }
}

e2e("two workers answer on one port, one that dies is replaced, and all heed signals", async () => {
  await using origin = httpOrigin(() => new Response("ok"));
  using folder = tempFolder();
  const [port, admin, second] = freePorts(3) as [number, number, number];
  const config = (version: number) =>
    folder.write(
      "postern.yaml",
      `logs: { access: off }
admin: { listen: "127.0.0.1:${admin}" }
listeners: [{ address: "127.0.0.1:${port}", front: tcp }]
groups: { web: { members: ["${origin.address}"] } }
routes: [{ to: web, headers: { response: { set: { x-version: "${version}" } } } }]
`,
    );
  const file = config(1);
  const flags = ["--allow-net=127.0.0.1", "--allow-read", `--allow-run=${Deno.execPath()}`];
  await using proxy = start(flags, ["run", "-c", file, "--workers", "2"]);
  const status = async (of: number) => {
    try {
      return await (await fetch(`http://127.0.0.1:${of}/status.json`)).json();
    } catch {
      return undefined;
    }
  };
  const ask = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
    return `${await answer.text()} ${answer.headers.get("x-version")}`;
  };
  const both = async (holds: (status: { requests: { total: number } }) => boolean) => {
    const all = await Promise.all([status(admin), status(second)]);
    return all.every((one) => one !== undefined && holds(one));
  };
  await waitFor(() => both(() => true));
  await waitFor(async () => {
    assertEquals(await ask(), "ok 1");
    return await both(({ requests: { total } }) => total > 0);
  });
  config(2);
  proxy.kill("SIGHUP");
  await waitFor(() => both((one) => (one as unknown as { config: { since: number } }).config.since > 0));
  await waitFor(async () =>
    (await Promise.all(Array.from({ length: 8 }, ask))).every((text) => text === "ok 2")
  );

  const pids = (await new Deno.Command("pgrep", { args: ["-P", String(proxy.pid)] }).output()).stdout;
  const [first] = new TextDecoder().decode(pids).trim().split("\n");
  Deno.kill(Number(first), "SIGKILL");
  await waitFor(async () => await both(() => true) && await ask() === "ok 2");
  proxy.kill("SIGTERM");
  assertEquals(await proxy.exit(), 0);
  assertEquals(await status(admin), undefined);
}, ["pgrep"]);

e2e("workers end when the process that started them is killed", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "postern.yaml",
    `listeners: [{ address: "127.0.0.1:0", front: tcp }]\nroutes: [{ respond: {} }]\n`,
  );
  const flags = ["--allow-net=127.0.0.1", "--allow-read", `--allow-run=${Deno.execPath()}`];
  await using proxy = start(flags, ["run", "-c", file, "--workers", "2"]);
  await proxy.err.find(/^ready in/);
  await proxy.err.find(/^ready in/, proxy.err.all.findIndex((line) => line.startsWith("ready in")) + 1);
  proxy.kill("SIGKILL");
  // The workers have its standard error, which ends with the last of them.
  await within(proxy.err.ended, "the end of the workers");
  assertEquals(proxy.err.all.filter((line) => line.startsWith("the supervisor is gone")).length, 2);
});

e2e("workers that may not be started are a problem in words", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "postern.yaml",
    `listeners: [{ address: "127.0.0.1:0" }]\nroutes: [{ respond: {} }]\n`,
  );
  const { code, err } = await postern(["--allow-read"], ["run", "-c", file, "--workers", "2"]);
  assertEquals(code, 1);
  assert(err[0]!.includes("--allow-run="), err.join());
});

/** A client that asks on new connections until its standard input says so, then tells how often that went well and failed. */
const LOAD = `
const [port] = Deno.args;
const request = new TextEncoder().encode("GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n");
let well = 0, failed = 0, over = false;
const work = async () => {
  const buffer = new Uint8Array(4096);
  while (!over) {
    try {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      await connection.write(request);
      const n = await connection.read(buffer) ?? 0;
      if (!new TextDecoder().decode(buffer.subarray(0, n)).startsWith("HTTP/1.1 200")) throw new Error();
      well++;
    } catch {
      failed++;
    }
  }
};
const all = Promise.all(Array.from({ length: 8 }, work));
await Deno.stdin.read(new Uint8Array(1));
over = true;
await all;
console.log(JSON.stringify({ well, failed }));
`;

Deno.test({
  name:
    "a new process takes over from an old one without a lost connection, where the system moves those that wait",
  ignore: await whyNoNamespaces() !== undefined,
  async fn() {
    using folder = tempFolder();
    await using namespace = await Namespace.open([]);
    try {
      await namespace.run(["sysctl", "-qw", "net.ipv4.tcp_migrate_req=1"]);
    } catch {
      return; // Linux before 5.14.
    }
    const file = folder.write(
      "postern.yaml",
      `logs: { access: off }
listeners: [{ address: "127.0.0.1:6188", front: tcp, reusePort: true }]
routes: [{ respond: { body: ok } }]
`,
    );
    const deno = [Deno.execPath(), "run", "--no-prompt", "--allow-net=127.0.0.1"];
    const run = async () => {
      const proxy = namespace.start([...deno, "--allow-read", "main.ts", "run", "-c", file]);
      await proxy.err.find(/^ready in/);
      return proxy;
    };
    let present = await run();
    await using load = namespace.start([...deno, folder.write("load.ts", LOAD), "6188"], { stdin: true });
    for (let i = 0; i < 4; i++) {
      const next = await run();
      present.kill("SIGTERM");
      assertEquals(await present.exit(), 0);
      present = next;
    }
    await load.type(".");
    assertEquals(await load.exit(), 0);
    const { well, failed } = JSON.parse(load.out.all[0]!);
    assertEquals(failed, 0);
    assert(well > 500, `${well} requests`);
    await present[Symbol.asyncDispose]();
  },
});

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + 10_000;
  while (!await holds()) {
    if (performance.now() > giveUp) throw new Error("Waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
