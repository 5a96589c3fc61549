import { assertEquals, assertThrows } from "@std/assert";
import type { ProxyModule } from "../../src/mod.ts";
import { checkModule, ModuleError } from "../../src/proxy/module.ts";
import { needsOf } from "../../src/sandbox/needs.ts";
import { explainNeeds, flagsOf, printNeeds, quoted } from "../../src/sandbox/print.ts";

const MODULE: ProxyModule = {
  listen: "127.0.0.1:80",
  net: ["a:1", "b:2"],
  upstreams: [{ address: "a:1" }],
  permissions: { env: ["TOKEN", "OTHER"], read: ["/data"] },
};
const NEEDS = needsOf(MODULE, { sources: [{ value: "samples", why: "the module's folder" }] });
const FLAGS = ["--allow-net=127.0.0.1:80,a:1,b:2", "--allow-read=samples,/data", "--allow-env=TOKEN,OTHER"];

Deno.test("as flags, every kind is there once with all of its values", () => {
  assertEquals(flagsOf(NEEDS), FLAGS);
  assertEquals(printNeeds(NEEDS, "flags"), FLAGS.join(" "));
});

Deno.test("as a permission set, the kinds are those of deno.json", () => {
  assertEquals(JSON.parse(printNeeds(NEEDS, "deno")), {
    net: ["127.0.0.1:80", "a:1", "b:2"],
    read: ["samples", "/data"],
    env: ["TOKEN", "OTHER"],
  });
});

Deno.test("as JSON, every need has its reason", () => {
  const { needs, flags, refused } = JSON.parse(printNeeds(NEEDS, "json"));
  assertEquals(flags, FLAGS);
  assertEquals(refused, ["write", "run", "sys", "ffi", "import"]);
  assertEquals(needs[1], { kind: "net", value: "a:1", why: "upstream" });
  assertEquals(needs.length, 7);
});

Deno.test("as a table, what is granted and what is refused can be read", () => {
  assertEquals(explainNeeds("own", NEEDS, true).split("\n"), [
    "own is granted",
    "  net   127.0.0.1:80  listens there",
    "  net   a:1           upstream",
    "  net   b:2           hooks",
    "  read  samples       the module's folder",
    '  read  /data         its "permissions"',
    '  env   TOKEN         its "permissions"',
    '  env   OTHER         its "permissions"',
    "",
    "own is refused",
    "  net     everything else",
    "  write   writing files",
    "  run     running programs",
    "  sys     asking about the system",
    "  ffi     loading libraries",
    "  import  loading code from elsewhere",
    "",
    "Its hooks run in a worker with the addresses above that are for upstreams and hooks; the proxy does the rest.",
    `Run with: ${FLAGS.join(" ")}`,
  ]);
});

Deno.test("what a shell would make something else of is printed in quotes", () => {
  const WORDS = [
    [
      "--allow-net=127.0.0.1:80,[::1]:80,*.a:1,10.0.0.0/8",
      "--allow-net=127.0.0.1:80,[::1]:80,*.a:1,10.0.0.0/8",
    ],
    ["--allow-read=/my files", "'--allow-read=/my files'"],
    ["--allow-read=$(reboot)", "'--allow-read=$(reboot)'"],
    ["--allow-read=/x --allow-all", "'--allow-read=/x --allow-all'"],
    ["--allow-read=it's;", `'--allow-read=it'\\''s;'`],
    ["", "''"],
  ];
  for (const [word, expected] of WORDS) assertEquals(quoted(word!), expected);
});

for (
  const [permissions, problem] of [
    [7, `"permissions" is a number, expected an object`],
    [{ red: ["/x"] }, `unknown permission "red", did you mean "read"?`],
    [{ net: ["a:1"] }, `unknown permission "net"`],
    [{ import: ["a"] }, `unknown permission "import"`],
    [{ read: true }, `permission "read" is true, expected a list`],
    [{ ffi: "inherit" }, `permission "ffi" is "inherit", expected a list`],
    [{ read: [""] }, `permission "read" is a list, expected a list of texts, none of them empty`],
    [{ read: ["/a,/"] }, "comma"],
    [{ env: ["A\nB"] }, "control character"],
    [{ env: [7] }, "a list of texts"],
  ] as [unknown, string][]
) {
  Deno.test(`a module may not ask for ${JSON.stringify(permissions)}`, () => {
    const module = { requestFilter() {}, permissions };
    assertThrows(() => checkModule("own", module), ModuleError, problem);
  });
}
