import { assert, assertEquals } from "@std/assert";
import { e2e, outcome, postern, Process, ROOT } from "../support/process.ts";

// The demo has fixed ports, 6188 to 6190; no other test may use them outside a network namespace of its own.

/** Which origins answered a number of requests. */
async function answers(n: number): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < n; i++) {
    const response = await fetch("http://127.0.0.1:6188/");
    found.push(/origin (\d)/.exec(await response.text())?.[1] ?? `status ${response.status}`);
  }
  return found;
}

e2e(
  "deno task demo: two origins answer in turn, stopping one moves the traffic, Ctrl-C exits 0",
  async () => {
    const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
    const [deno, ...args] = tasks.demo.command.split(" ") as [string, ...string[]];
    assertEquals(deno, "deno");
    await using demo = new Process([Deno.execPath(), ...args], { stdin: true });

    await demo.err.find(/^listening http:\/\/127\.0\.0\.1:6188$/);
    await demo.err.find(/^upstream 127\.0\.0\.1:6189$/);
    await demo.err.find(/^upstream 127\.0\.0\.1:6190$/);
    await demo.err.find(/curl http:\/\/127\.0\.0\.1:6188\//);
    await demo.err.find(/type 1 or 2 and Enter/);

    const first = await answers(6);
    assert(["121212", "212121"].includes(first.join("")), first.join(""));

    await demo.type("1\n");
    await demo.err.find(/^origin 1 .*stopped$/);
    assertEquals(await answers(6), ["2", "2", "2", "2", "2", "2"]);
    await demo.err.find(/WARN +upstream 127\.0\.0\.1:6189 DOWN after 1 failure: /);
    assertEquals(await answers(4), ["2", "2", "2", "2"]);

    await demo.type("1\n");
    await demo.err.find(/^origin 1 .*started$/);
    await demo.err.find(/INFO +upstream 127\.0\.0\.1:6189 UP after 1 success/);
    assertEquals((await answers(6)).sort().join(""), "111222");

    const second = await outcome([Deno.execPath(), ...args]);
    assertEquals([second.code, second.err], [1, [
      "error: cannot listen on 127.0.0.1:6189: the address is in use, is another demo running?",
    ]]);

    await demo.type("1\n");
    await demo.err.find(/^origin 1 .*stopped$/, demo.err.all.length);
    {
      using _taken = Deno.listen({ hostname: "127.0.0.1", port: 6189 });
      await demo.type("1\n");
      await demo.err.find(/^error: origin 1: cannot listen on 127\.0\.0\.1:6189: the address is in use$/);
    }
    await demo.type("1\n");
    await demo.err.find(/^origin 1 .*started$/, demo.err.all.length);

    demo.kill("SIGINT");
    assertEquals(await demo.exit(), 0, demo.err.all.join("\n"));
    assertEquals(demo.out.all.length, 22, "one access line a request");
  },
);

e2e("demo without permission names what is missing and the flag to add", async () => {
  const addresses = [6188, 6189, 6190].map((port) => `127.0.0.1:${port}`);
  for (const granted of [[], addresses.slice(0, 2)]) {
    const flags = granted.length > 0 ? [`--allow-net=${granted.join(",")}`] : [];
    const missing = addresses.slice(granted.length).join(", ");
    assertEquals(await postern(flags, ["demo"]), {
      code: 1,
      out: [],
      err: [`error: no permission for ${missing}: run with --allow-net=${addresses.join(",")}`],
    });
  }
});
