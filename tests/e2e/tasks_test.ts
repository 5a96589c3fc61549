import { assert, assertEquals, assertMatch } from "@std/assert";
import { e2e, postern, ROOT } from "../support/process.ts";

/** The commands of the tasks in `deno.json`, by name. */
async function commands(): Promise<Map<string, string>> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  return new Map(Object.entries<{ command: string }>(tasks).map(([name, { command }]) => [name, command]));
}

/** Keeps V8 from giving short-lived garbage, which is all that requests leave, ever more room. */
const HEAP = "--v8-flags=--max-semi-space-size=16";
const RUN = /^deno run (.*)main\.ts run (--sandbox )?(\S+)$/;

e2e(
  "the task line of every sample has --no-prompt, the bound of the heap, the flags that permissions derives, and no other",
  async () => {
    const samples: string[] = [];
    for (const [task, command] of await commands()) {
      const [, flags, sandbox, sample] = RUN.exec(command) ?? [];
      if (sample === undefined) {
        assert(!command.includes("main.ts run"), `task ${task}: cannot read "${command}"`);
        continue;
      }
      samples.push(sample);
      const options = sandbox === undefined ? [] : [sandbox.trim()];
      const { code, out: [derived] } = await postern(
        options.length > 0 ? ["--allow-read=samples,src"] : [],
        ["permissions", ...options, sample],
      );
      assertEquals(code, 0);
      assertEquals(flags!.trim().split(/\s+/), ["--no-prompt", HEAP, ...derived!.split(" ")], `task ${task}`);
    }
    assertEquals(samples.sort(), [
      "canary",
      "failover",
      "header_filter",
      "load_balancer",
      "sandboxed_auth",
      "simple_proxy",
      "sticky_sessions",
    ]);
  },
);

e2e("every file in samples/ has a task", async () => {
  const named = [...(await commands()).values()].flatMap((command) => RUN.exec(command)?.[3] ?? []);
  for await (const { name, isFile } of Deno.readDir(`${ROOT}samples`)) {
    if (!isFile) continue;
    assert(named.includes(name.replace(/\.ts$/, "")), `no task runs ${name}`);
  }
});

e2e("--help names every sample", async () => {
  const { out } = await postern([], ["--help"]);
  const help = out.join("\n");
  for await (const { name, isFile } of Deno.readDir(`${ROOT}samples`)) {
    if (!isFile) continue;
    assertMatch(help, new RegExp(`\\b${name.replace(/\.ts$/, "")}\\b`), name);
  }
});

e2e("the demo's task line grants its three addresses and nothing else", async () => {
  const command = (await commands()).get("demo");
  assertEquals(
    command,
    `deno run --no-prompt ${HEAP} --allow-net=127.0.0.1:6188,127.0.0.1:6189,127.0.0.1:6190 main.ts demo`,
  );
});

e2e("no task can prompt, or is granted everything", async () => {
  for (const [task, command] of await commands()) {
    for (const part of command.split("&&").map((text) => text.trim())) {
      if (!/^deno (run|test|bench|serve)\b/.test(part)) continue;
      assertMatch(part, / --no-prompt( |$)/, `task ${task}`);
      assert(!/ (-A|--allow-all)( |$)/.test(part), `task ${task}: ${part}`);
    }
  }
});
