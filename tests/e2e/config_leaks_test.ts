// What reloads leave behind: nothing.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { httpOrigin } from "../support/origin.ts";
import { busyOrigin } from "../support/busy_origin.ts";
import { e2e, type Process, ready, start, tempFolder } from "../support/process.ts";
import { within } from "../support/wire.ts";

const FLAGS = ["--allow-net=127.0.0.1", "--allow-read"];

async function reload(proxy: Process): Promise<string> {
  const from = proxy.err.all.length;
  proxy.kill("SIGHUP");
  return (await within(proxy.err.find(/^(reloaded|not reloaded).*/, from), "a reload"))[0];
}

async function threads({ pid }: Process): Promise<number> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "nlwp=", "-p", `${pid}`] }).output();
  return Number(new TextDecoder().decode(stdout));
}

/** Waits until there are not many more threads than that. A worker has several. */
async function fewThreads(proxy: Process, most: number): Promise<void> {
  const giveUp = performance.now() + 8_000;
  for (let now; (now = await threads(proxy)) > most;) {
    if (performance.now() > giveUp) throw new Error(`${now} threads, ${most} are allowed`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

e2e("reloads end the workers that are not needed any more, also when they fail", async () => {
  await using taken = httpOrigin(() => new Response());
  using folder = tempFolder();
  folder.write(
    "hook.ts",
    `export const net: string[] = [];
     export function requestFilter() { return new Response("hook"); }`,
  );
  const config = (more: string) =>
    folder.write(
      "postern.yaml",
      `listeners: [{ address: "127.0.0.1:0", front: tcp }${more}]
routes: [{ hooks: [{ module: hook.ts }], respond: {} }]
`,
    );
  const file = config("");
  await using proxy = start(FLAGS, ["run", "-c", file]);
  const url = await ready(proxy);
  assertEquals(await (await fetch(url)).text(), "hook");
  assertStringIncludes(await reload(proxy), "reloaded");
  const before = await threads(proxy);
  config(`, { address: "${taken.address}" }`);
  for (let i = 0; i < 6; i++) assertStringIncludes(await reload(proxy), "not reloaded");
  assert(proxy.err.all.some((line) => line.includes("the address is in use")));
  await fewThreads(proxy, before + 3);
  config("");
  for (let i = 0; i < 6; i++) assertStringIncludes(await reload(proxy), "reloaded");
  await fewThreads(proxy, before + 3);
  assertEquals(await (await fetch(url)).text(), "hook");
}, ["ps"]);

e2e("connections to backends that stay are used on after a reload, though all else has changed", async () => {
  await using origin = busyOrigin("ok");
  using folder = tempFolder();
  const config = (name: string, policy: string) =>
    folder.write(
      "postern.yaml",
      `logs: { access: off }
listeners: [{ address: "127.0.0.1:0", front: tcp }]
groups: { ${name}: { members: ["${origin.address}"], policy: ${policy}, check: false } }
routes: [{ name: ${name}, to: ${name} }]
`,
    );
  const file = config("one", "roundRobin");
  await using proxy = start(FLAGS, ["run", "-c", file]);
  const url = await ready(proxy);
  assertEquals(await (await fetch(url)).text(), "ok");
  config("two", "leastRequests");
  assertStringIncludes(await reload(proxy), "reloaded");
  assertEquals(await (await fetch(url)).text(), "ok");
  assertEquals([origin.targets.length, origin.connections], [2, 1]);
});
