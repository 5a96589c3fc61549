// Several processes that share the listeners of a configuration.
import { assert, assertEquals } from "@std/assert";
import { httpOrigin } from "../support/origin.ts";
import { e2e, postern, Process, start, tempFolder } from "../support/process.ts";
import { until } from "../support/until.ts";

function freePorts(count: number): number[] {
  // Beside each other, as the admin listeners count up.
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 40_000);
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

e2e(
  "a new process takes over from an old one without a lost connection, where the system moves them",
  async () => {
    if ((await Deno.readTextFile("/proc/sys/net/ipv4/tcp_migrate_req")).trim() !== "1") return;
    using folder = tempFolder();
    const [port] = freePorts(1) as [number];
    const file = folder.write(
      "postern.yaml",
      `logs: { access: off }
listeners: [{ address: "127.0.0.1:${port}", front: tcp, reusePort: true }]
routes: [{ respond: { body: ok } }]
`,
    );
    const run = () => start(["--allow-net=127.0.0.1", "--allow-read"], ["run", "-c", file]);
    let present: Process = run();
    await present.err.find(/^ready in/);
    let stopped = false;
    let answers = 0;
    const load = Array.from({ length: 8 }, async () => {
      while (!stopped) {
        const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
        assertEquals(await answer.text(), "ok");
        answers++;
      }
    });
    for (let i = 0; i < 5; i++) {
      const next = run();
      await next.err.find(/^ready in/);
      present.kill("SIGTERM");
      assertEquals(await present.exit(), 0);
      present = next;
    }
    stopped = true;
    await Promise.all(load);
    assert(answers > 100, `${answers} answers`);
    await present[Symbol.asyncDispose]();
  },
);

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  let is = false;
  const looking = (async () => {
    while (!is) {
      is = await holds();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  await until("it to hold", () => is);
  await looking;
}
