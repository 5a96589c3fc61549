// Modules on disk that are hard to find, or that misbehave while they load.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { e2e, outcome, postern, start, tempFolder } from "../support/process.ts";

const ANSWERS = "export const requestFilter = () => new Response();\n";

for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
  e2e(`"${name}" is no sample, whatever every object has by that name`, async () => {
    const { code, out, err } = await postern([], ["check", name]);
    assertEquals([code, out, err.length], [2, [], 2], err.join("\n"));
    assertStringIncludes(err[0]!, `error: unknown sample "${name}", known are simple_proxy, load_balancer`);
  });
}

for (
  const name of [
    "https://example.com/x.ts",
    "npm:foo/bar",
    "jsr:@a/b",
    "node:fs",
    "data:text/javascript,0",
    "file:///x.ts",
  ]
) {
  e2e(`${name} is refused: only samples and files on disk can be loaded`, async () => {
    const { code, out, err } = await postern(["--allow-read", "--allow-import"], ["check", name]);
    assertEquals([code, out, err], [2, [], [
      `error: Cannot load ${name}: only samples and files on disk can be loaded, not URLs`,
      "see --help",
    ]]);
  });
}

for (const name of ["sp ace#1/m%41.ts", "a?b.ts", "100%.ts", "ü&c.ts"]) {
  e2e(`a module is loaded from ${name}, a path and no part of a URL`, async () => {
    using folder = tempFolder();
    if (name.includes("/")) await Deno.mkdir(`${folder.path}/${name.split("/")[0]}`);
    const file = folder.write(name, ANSWERS);
    const { code, out, err } = await postern([`--allow-read=${folder.path}`], ["check", file]);
    assertEquals([code, out[0], err], [0, `${file}: ok`, []]);
  });
}

const BAD: { what: string; text: string; why: RegExp }[] = [
  {
    what: "a module that is not there, imported",
    text: `import "./nowhere.ts";\n${ANSWERS}`,
    why: /TypeError: Module not found ".*nowhere\.ts"\. at file:.*own\.ts:1:8$/,
  },
  {
    what: "a rejection left behind while it loads",
    text: `Promise.reject(new Error("floating"));\n${ANSWERS}`,
    why: /: unhandled rejection: Error: floating$/,
  },
  {
    what: "a rejection left behind, and an await after it",
    text:
      `Promise.reject(new Error("floating"));\n${ANSWERS}await new Promise((f) => setTimeout(f, 60_000));`,
    why: /: unhandled rejection: Error: floating$/,
  },
  {
    what: "an error that nobody catches while it loads",
    text: `queueMicrotask(() => { throw new Error("thrown"); });\n${ANSWERS}await Promise.resolve();`,
    why: /: uncaught error: Error: thrown$/,
  },
  {
    what: "an error with colours and lines in it",
    text: `throw new Error("\\x1b[31mred\\x1b[0m\\nand more");`,
    why: /: Error: red and more$/,
  },
];

for (const { what, text, why } of BAD) {
  e2e(`${what}: one line without colours or a stack, and exit code 1`, async () => {
    using folder = tempFolder();
    const file = folder.write("own.ts", text);
    for (const verb of ["check", "run"]) {
      const flags = [`--allow-read=${folder.path}`, "--allow-net=127.0.0.1:6188"];
      const command = [Deno.execPath(), "run", "--no-prompt", ...flags, "main.ts", verb, file];
      // Deno colours its errors unless it is told not to.
      const { code, out, err } = await outcome(command, { NO_COLOR: "", FORCE_COLOR: "1" });
      assertEquals([code, out, err.length], [1, [], 1], err.join("\n"));
      assert(err[0]!.startsWith(`error: Cannot load ${file}: `), err[0]);
      assertMatch(err[0]!, why);
      assertEquals(err[0]!.includes("\x1b"), false);
    }
  });
}

e2e("an await that never ends is one line after its time, not the end that Deno makes of it", async () => {
  using folder = tempFolder();
  const file = folder.write("own.ts", `${ANSWERS}await new Promise(() => {});`);
  const { code, out, err } = await outcome([
    Deno.execPath(),
    "eval",
    `import { importFile } from "./src/cli/import_file.ts";
     try { await importFile("${file}", 20); } catch (error) { console.log(error.message); Deno.exit(1); }`,
  ]);
  assertEquals([code, out, err], [1, [
    `Cannot load ${file}: it has not finished loading after 0.02 s, look for an await that never ends`,
  ], []]);
});

e2e("run refuses bad options and a bad net as check does, and not as a problem of listening", async () => {
  using folder = tempFolder();
  const file = folder.write(
    "own.ts",
    `${ANSWERS}export const net = ["foo bar"];
     export const options = { trustedProxies: ["bogus"], retries: "two" };`,
  );
  const flags = [`--allow-read=${folder.path}`, "--allow-net=127.0.0.1:0"];
  const checked = await postern(flags, ["check", file]);
  assertEquals(await postern(flags, ["run", file, "--listen", "127.0.0.1:0"]), checked);
  assertEquals([checked.code, checked.err.length], [1, 3], checked.err.join("\n"));
  assertStringIncludes(checked.err[0]!, `error: ${file}: "net[0]" is "foo bar", expected `);
  assertStringIncludes(checked.err[1]!, `error: ${file}: option "retries" is "two", expected `);
  assertStringIncludes(checked.err[2]!, `error: ${file}: option "trustedProxies[0]" is "bogus", expected `);
});

e2e("that a name is not verified is said at start-up, whatever the log's level and the group", async () => {
  using folder = tempFolder();
  const peer = `{ address: "127.0.0.1:9", tls: { serverName: "a.test", verifyName: false } }`;
  const mod = new URL("../../src/mod.ts", import.meta.url).href;
  const groups = { list: `[${peer}]`, group: `new LoadBalancer([${peer}])` };
  for (const [name, group] of Object.entries(groups)) {
    const file = folder.write(
      `${name}.ts`,
      `import { LoadBalancer } from "${mod}";
       export const upstreams = ${group};
       export const upstreamPeer = () => Array.isArray(upstreams) ? upstreams[0] : upstreams.select();
       void LoadBalancer;`,
    );
    await using proxy = start(
      ["--allow-read", "--allow-net=127.0.0.1:0,127.0.0.1:9"],
      ["run", file, "--listen", "127.0.0.1:0", "--log-level", "error"],
    );
    await proxy.err.find(/^ready in/);
    assertEquals(
      proxy.err.all.find((line) => line.startsWith("upstream ")),
      "upstream 127.0.0.1:9 (TLS, a.test, the name in its certificate is not verified)",
    );
  }
});
