import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { e2e, postern } from "../support/process.ts";

// Nothing here is granted any permission: usage is told before one is needed.

e2e("--help prints verbs, options, examples and exit codes to standard output", async () => {
  for (const flag of ["--help", "-h"]) {
    const { code, out, err } = await postern([], [flag]);
    const text = out.join("\n");
    for (
      const part of [
        "run MODULE",
        "check MODULE",
        "permissions MODULE",
        "demo",
        "--listen",
        "--upstream",
        "--log-level",
        "--access-log",
        "--strict",
        "--audit",
        "--sandbox",
        "--workers",
        "--fail",
        "--hook-timeout",
        "--hook-memory",
        "--format",
        "--explain",
        "examples",
        "exit codes: 0",
      ]
    ) assertStringIncludes(text, part);
    assertEquals([code, err], [0, []]);
  }
});

e2e("--version prints the version of deno.json", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  for (const flag of ["--version", "-V"]) {
    assertEquals(await postern([], [flag]), { code: 0, out: [`postern ${version}`], err: [] });
  }
});

e2e("no verb prints the help to standard error", async () => {
  const { code, out, err } = await postern([], []);
  assertEquals([code, out], [2, []]);
  assertStringIncludes(err.join("\n"), "usage: main.ts VERB");
});

const NEAREST = [
  [["chekc", "simple_proxy"], "chekc", "check"],
  [["permission", "simple_proxy"], "permission", "permissions"],
  [["rnu", "simple_proxy"], "rnu", "run"],
  [["run", "simple-proxy"], "simple-proxy", "simple_proxy"],
  [["run", "load_balacner"], "load_balacner", "load_balancer"],
  [["check", "headerfilter"], "headerfilter", "header_filter"],
  [["run", "simple_proxy", "--liste", "127.0.0.1:1"], "--liste", "--listen"],
  [["run", "simple_proxy", "--upstreams", "http://a"], "--upstreams", "--upstream"],
] as const;

for (const [args, word, near] of NEAREST) {
  e2e(`"${args.join(" ")}" is answered with "${near}"`, async () => {
    const { code, out, err } = await postern([], args);
    assertEquals([code, out, err.at(-1)], [2, [], "see --help"]);
    assertStringIncludes(err[0]!, word);
    assertMatch(err[0]!, new RegExp(`did you mean "?${near}"?\\?`));
    assertEquals(err.length, 2);
  });
}

const USAGE = [
  [
    "nothing near: the verbs are listed",
    ["frobnicate"],
    /"frobnicate", known are run, check, permissions, demo/,
  ],
  [
    "nothing near: the samples are listed",
    ["run", "zzz"],
    /"zzz", known are simple_proxy, load_balancer, header_f/,
  ],
  ["a verb without its module", ["run"], /run needs a module/],
  ["two modules", ["check", "simple_proxy", "b"], /check takes one module, found also "b"/],
  ["words after demo", ["demo", "extra", "words"], /demo takes no module, found "extra", "words"/],
  ["an option that demo does not take", ["demo", "--listen", "127.0.0.1:1"], /demo takes no --listen/],
  [
    "an option that check does not take",
    ["check", "simple_proxy", "--log-level", "info"],
    /check takes no --log-level/,
  ],
  ["a verb by a name that every object has", ["constructor"], /unknown verb "constructor"/],
  ["an unknown option", ["run", "simple_proxy", "--frobnicate"], /--frobnicate/],
  ["an option without its value", ["run", "simple_proxy", "--listen"], /--listen/],
  [
    "--listen without port",
    ["run", "simple_proxy", "--listen", "127.0.0.1"],
    /--listen is "127.0.0.1", allowed/,
  ],
  [
    "--listen beyond ports",
    ["run", "simple_proxy", "--listen", "127.0.0.1:65536"],
    /--listen is ".*:65536", allowed/,
  ],
  [
    "--listen as a URL",
    ["run", "simple_proxy", "--listen", "http://127.0.0.1:80"],
    /--listen is .*, allowed/,
  ],
  [
    "--upstream without scheme",
    ["run", "simple_proxy", "--upstream", "a:80"],
    /--upstream is "a:80", allowed/,
  ],
  [
    "--upstream of another scheme",
    ["run", "simple_proxy", "--upstream", "ftp://a"],
    /--upstream is "ftp:.*, allowed/,
  ],
  [
    "--upstream with a path",
    ["run", "simple_proxy", "--upstream", "http://a/b"],
    /--upstream is .*\/b", allowed/,
  ],
  [
    "--upstream with a user",
    ["run", "simple_proxy", "--upstream", "http://u@a"],
    /--upstream is .*@a", allowed/,
  ],
  [
    "--upstream beyond ports",
    ["run", "simple_proxy", "--upstream", "http://a:70000"],
    /--upstream is .*0 to 65535/,
  ],
  [
    "--log-level",
    ["run", "simple_proxy", "--log-level", "loud"],
    /--log-level is "loud", .*debug, info, warn, error/,
  ],
  ["--format", ["permissions", "simple_proxy", "--format", "xml"], /--format is "xml", .*flags, deno, json/],
  ["--workers", ["run", "--sandbox", "simple_proxy", "--workers", "0"], /--workers is "0", .*from 1 to 64/],
  ["--workers as a word", ["run", "--sandbox", "simple_proxy", "--workers", "two"], /--workers is "two"/],
  ["--fail", ["run", "--sandbox", "simple_proxy", "--fail", "never"], /--fail is "never", .*closed, open/],
  [
    "--hook-timeout",
    ["run", "--sandbox", "simple_proxy", "--hook-timeout", "1.5"],
    /--hook-timeout is "1.5"/,
  ],
  [
    "--hook-memory",
    ["run", "--sandbox", "simple_proxy", "--hook-memory", "8"],
    /--hook-memory is "8", .*from 32/,
  ],
  [
    "an option for sandboxed modules without --sandbox",
    ["run", "simple_proxy", "--workers", "2"],
    /--workers is for sandboxed modules: add --sandbox/,
  ],
  [
    "an option that permissions does not take",
    ["permissions", "simple_proxy", "--strict"],
    /permissions takes no --strict/,
  ],
  ["an option that check does not take, of sandboxes", [
    "check",
    "--sandbox",
    "simple_proxy",
    "--workers",
    "2",
  ], /check takes no --workers/],
  ["a URL to be sandboxed", ["check", "--sandbox", "https://example.com/x.ts"], /not URLs/],
  [
    "a sample that is none, to be sandboxed",
    ["check", "--sandbox", "simple_prox"],
    /did you mean "simple_proxy"/,
  ],
  [
    "--access-log",
    ["run", "simple_proxy", "--access-log", "xml"],
    /--access-log is "xml", .*common, json, off/,
  ],
] as const;

for (const [what, args, message] of USAGE) {
  e2e(`wrong usage, exit code 2 and one clear line: ${what}`, async () => {
    const { code, out, err } = await postern([], args);
    assertEquals([code, out, err.length, err[1]], [2, [], 2, "see --help"]);
    assertMatch(err[0]!, /^error: /);
    assertMatch(err[0]!, message);
  });
}

e2e("a command line that is wrong never shows a stack", async () => {
  for (const args of [["run", "./nowhere.ts"], ["run", "simple_proxy", "--listen", ""], ["", ""]]) {
    const { code, err } = await postern([], args);
    assert(code === 1 || code === 2, `exit code ${code}`);
    assert(!err.some((line) => /^\s+at /.test(line)), err.join("\n"));
  }
});
