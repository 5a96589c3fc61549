// What a sandboxed module may import, looked at before it is loaded.
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { LoadError } from "../../src/sandbox/hook_worker.ts";
import { checkModuleGraph } from "../../src/sandbox/module_graph.ts";
import { e2e, ROOT, tempFolder } from "../support/process.ts";

/** The files found from `own.ts`, by their names in the folder. */
async function filesOf(files: Record<string, string>): Promise<string[]> {
  using folder = tempFolder();
  const inside = await makeFiles(folder, files);
  const found = await checkModuleGraph(`file://${inside}/own.ts`, "own");
  return found.map((url) => url.slice(`file://${inside}/`.length)).sort();
}

/** The problems of `own.ts`, the folder's path taken out. */
async function problemsOf(files: Record<string, string>): Promise<string[]> {
  using folder = tempFolder();
  const inside = await makeFiles(folder, files);
  const error = await assertRejects(
    () => checkModuleGraph(`file://${inside}/own.ts`, "own"),
    LoadError,
  ) as LoadError;
  return error.problems.map((problem) => problem.replaceAll(`${inside}/`, ""));
}

/** Puts the files into a folder `in`, beside which lies what is none of the module's business. */
async function makeFiles(
  folder: { path: string; write(name: string, text: string): string },
  files: Record<string, string>,
): Promise<string> {
  folder.write("outside.ts", "export const secret = 1;");
  folder.write("outside.json", "{}");
  await Deno.mkdir(`${folder.path}/in/sub`, { recursive: true });
  await Deno.mkdir(`${folder.path}/in-another`);
  folder.write("in-another/x.ts", "export {};");
  for (const [name, text] of Object.entries(files)) {
    if (text.startsWith("-> ")) await Deno.symlink(text.slice(3), `${folder.path}/in/${name}`);
    else folder.write(`in/${name}`, text);
  }
  return `${folder.path}/in`;
}

const REFUSED: [string, string][] = [
  ["a remote module", `import "https://example.com/x.ts";`],
  ["a module of npm", `import x from "npm:left-pad";`],
  ["a module of JSR", `import * as x from "jsr:@std/fs";`],
  ["a data: URL", `import "data:text/javascript,export{}";`],
  ["a blob: URL", `import "blob:null/1";`],
  ["a file outside, relative", `import { secret } from "../outside.ts";`],
  ["a file outside, absolute", `import "/etc/x.ts";`],
  ["a file outside, as a URL", `import "file:///etc/x.ts";`],
  ["a file outside, by an encoded step", `import "./%2e%2e/outside.ts";`],
  ["a file outside, by a backslash", String.raw`import "./..\\outside.ts";`],
  ["a folder whose name begins alike", `import "../in-another/x.ts";`],
  ["JSON outside", `import x from "../outside.json" with { type: "json" };`],
  ["a file by way of Postern's folder", `import "file://${ROOT}src/..%2f..%2f..%2fetc/x.ts";`],
  [
    "JSON by way of Postern's folder",
    `import x from "file://${ROOT}src/..%2fdeno.json" with { type: "json" };`,
  ],
  ["Postern's own guest", `import { serveModule } from "file://${ROOT}src/sandbox/guest.ts";`],
  ["Postern's command line", `import "file://${ROOT}src/cli/cli.ts";`],
  ["Postern's configuration", `import x from "file://${ROOT}deno.json" with { type: "json" };`],
  ["node:fs", `import fs from "node:fs";`],
  ["node:process", `import process from "node:process";`],
  ["node:vm", `import vm from "node:vm";`],
  ["node:child_process", `import "node:child_process";`],
  ["node:worker_threads", `import "node:worker_threads";`],
  ["node:module", `import { createRequire } from "node:module";`],
  ["node:net", `import "node:net";`],
  ["node:inspector", `import "node:inspector";`],
  ["node:v8", `import "node:v8";`],
  ["node:os", `import "node:os";`],
  ["a module of Node without its scheme", `import "fs";`],
  ["a name that leads nowhere", `import "left-pad";`],
  ["a package of Postern's", `import "@babel/parser";`],
  ["text", `import x from "./x.txt" with { type: "text" };`],
  ["bytes", `import x from "./x.bin" with { type: "bytes" };`],
  ["a module of WebAssembly", `import "./x.wasm";`],
  ["JSX", `import "./x.tsx";`],
  ["CommonJS", `import "./x.cjs";`],
  ["an environment file", `import x from "./.env" with { type: "text" };`],
  ["export from", `export { x } from "node:fs";`],
  ["export all from", `export * from "../outside.ts";`],
  ["export all as", `export * as x from "../outside.ts";`],
  ["a type and a value", `import { type X, y } from "../outside.ts";`],
  ["a dynamic import", `const x = 1, y = import("node:fs");`],
  [
    "a dynamic import in a function",
    `export async function f() { await import("https://example.com/x.ts"); }`,
  ],
  ["a computed import", `const x = "node:fs"; await import(x);`],
  ["a computed import in a template", "await import(`node:${1}`);"],
  ["an import of a template", "await import(`./x.ts`);"],
  ["an import of a sum", `await import("node:" + "fs");`],
  [
    "an import in the options of another",
    `await import("./sub/x.ts", { with: { type: await import("node:fs") } });`,
  ],
  ["an import in a default value", `export class A { #a = (b = import("node:fs")) => b; }`],
  ["an import in a template's hole", "export const x = `${await import('node:fs')}`;"],
  ["an import in a tagged template", "export const x = String.raw`${import('node:fs')}`;"],
  ["an import in a decorator", `export class A { @(import("node:fs")) a() {} }`],
  ["an import in a computed key", `export const x = { [await import("node:fs")]: 1 };`],
  ["an import in an enum", `export enum E { A = (import("node:fs"), 1) }`],
  ["an import in a namespace", `export namespace N { export const x = import("node:fs"); }`],
  ["an import behind a type assertion", `export const x = <T>(y: T) => y, z = import("node:fs") as unknown;`],
  ["an import behind satisfies", `export const z = import("node:fs") satisfies unknown;`],
  [
    "an import that looks like a comparison",
    `export const f = (a: never, b: never) => a < b > (import("node:fs"));`,
  ],
  ["an import behind a division", `let a = 1, b = 1; a++ / import("node:fs") / b; export {};`],
  [
    "an import behind what looks like a comment",
    `const x = "/*"; import("node:fs"); const y = "*/"; export {};`,
  ],
  [
    "an import behind a regular expression",
    `const x = /[/*]/; import("node:fs"); const y = /[*/]/; export {};`,
  ],
  ["an import in parts", `import\n/* */ (\n"node:fs"\n); export {};`],
  ["an import with an escape in its name", String.raw`import("\u006eode:fs"); export {};`],
  ["import equals", `import fs = require("node:fs"); export {};`],
  ["export import equals", `export import fs = require("node:fs");`],
];

for (const [what, text] of REFUSED) {
  e2e(`refused: ${what}`, async () => {
    const problems = await problemsOf({ "own.ts": `export {};\n${text}`, "sub/x.ts": "export {};" });
    assertEquals(problems.length >= 1, true);
    for (const problem of problems) assertMatch(problem, /^own\.ts[: ]/);
  });
}

e2e("a refused import is named with file, line and column, each on its own line", async () => {
  assertEquals(
    (await problemsOf({
      "own.ts": `import "./sub/a.ts";\n  import "node:fs";`,
      "sub/a.ts": `export {};\nconst name = "x";\nexport const y = () =>   import(name);`,
    })).map((problem) => problem.replace(/; allowed are .*/, "")),
    [
      `own.ts:2:3: imports "node:fs"`,
      "sub/a.ts:3:26: imports what only running it would tell",
    ],
  );
});

const BROKEN: [string, Record<string, string>, RegExp][] = [
  ["an encoded slash", { "own.ts": `import "./..%2foutside.ts";` }, /outside\.ts: leads out/],
  ["a syntax error", { "own.ts": "export const = 1;" }, /^own\.ts: SyntaxError: .*\(1:13\)/],
  ["a file that is not there", { "own.ts": `import "./nowhere.ts";` }, /^cannot read nowhere\.ts: NotFound/],
  ["a module that is not there", {}, /^cannot read own\.ts: NotFound/],
  ["a name that cannot be decoded", { "own.ts": `import "./%zz.ts";` }, /^cannot read .*%zz\.ts: /],
  ["a keyword with an escape", { "own.ts": String.raw`im\u0070ort "node:fs";` }, /SyntaxError/],
  ["an HTML comment", { "own.ts": `<!-- hidden\nexport {};` }, /SyntaxError/],
  ["a phase of imports", { "own.ts": `import defer * as x from "node:fs";` }, /SyntaxError/],
  [
    "a symbolic link out of the folder",
    { "own.ts": `import "./link.ts";`, "link.ts": "-> ../outside.ts" },
    /link\.ts: leads out/,
  ],
  ["a linked folder", { "own.ts": `import "./out/x.ts";`, "out": "-> ../in-another" }, /x\.ts: leads out/],
  ["linked JSON", {
    "own.ts": `import x from "./a.json" with { type: "json" };`,
    "a.json": "-> ../outside.json",
  }, /a\.json: leads out/],
  // Deno takes such a file for CommonJS where a package.json says so, and gives it `require`.
  [
    "a script",
    { "own.ts": `import "./a.js";`, "a.js": `require("node:process");` },
    /a\.js: .*neither imports nor exports/,
  ],
];

for (const [what, files, problem] of BROKEN) {
  e2e(`refused: ${what}`, async () => {
    const [first, ...rest] = await problemsOf(files);
    assertMatch(first!, problem);
    assertEquals(rest, []);
  });
}

e2e("a file in another encoding, which Deno would read and the check would not, is refused", async () => {
  using folder = tempFolder();
  const text = `\ufeffimport "node:fs"; export {};`;
  const units = Uint16Array.from(text, (c) => c.charCodeAt(0));
  await Deno.writeFile(`${folder.path}/own.ts`, new Uint8Array(units.buffer));
  await assertRejects(
    () => checkModuleGraph(`file://${folder.path}/own.ts`, "own"),
    LoadError,
    "SyntaxError",
  );
});

e2e("a module has to be a file of code", async () => {
  using folder = tempFolder();
  for (const name of ["own.tsx", "own.json", "own.wasm", "own.cts", "own"]) {
    folder.write(name, "{}");
    await assertRejects(() => checkModuleGraph(`file://${folder.path}/${name}`, "own"), LoadError, ".mjs");
  }
});

e2e("a module that is nested without end is refused", async () => {
  const deep = `export const x = ${"(".repeat(100_000)}1${")".repeat(100_000)};`;
  assertEquals((await problemsOf({ "own.ts": deep })).length, 1);
});

const ALLOWED: [string, Record<string, string>, string[]][] = [
  ["its own folder and what is below", {
    "own.ts": `import "./a.ts"; export * from "./sub/b.js";`,
    "a.ts": "export {};",
    "sub/b.js": `import "../a.ts"; export const x = 1;`,
  }, ["a.ts", "own.ts", "sub/b.js"]],
  ["circles", {
    "own.ts": `import "./a.ts"; import "./own.ts"; export {};`,
    "a.ts": `import "./own.ts";`,
  }, ["a.ts", "own.ts"]],
  ["JSON", {
    "own.ts": `import x from "./x.json" with { type: "json" }; export { x };`,
    "x.json": "{}",
  }, ["own.ts", "x.json"]],
  ["a literal dynamic import", {
    "own.ts": `export const later = () => import("./a.ts");`,
    "a.ts": "export {};",
  }, ["a.ts", "own.ts"]],
  ["types from anywhere, which are not loaded", {
    "own.ts": `import type { X } from "../outside.ts"; export type { Y } from "npm:nowhere";
      export type Z = X | import("node:fs").Stats;`,
  }, ["own.ts"]],
  ["a link within the folder", {
    "own.ts": `import "./link.ts"; export {};`,
    "sub/a.ts": "export {};",
    "link.ts": "-> sub/a.ts",
  }, ["link.ts", "own.ts"]],
  ["harmless modules of Node", {
    "own.ts":
      `import { Buffer } from "node:buffer"; import "node:crypto"; import "node:util"; export { Buffer };`,
  }, ["own.ts"]],
  ["Postern", {
    "own.ts":
      `import { LoadBalancer } from "file://${ROOT}src/mod.ts"; import "@std/log"; export { LoadBalancer };`,
  }, ["own.ts"]],
  ["what only looks like an import", {
    "own.ts": `// import "node:fs";
      export const x = 'import("node:fs")', y = /import("node:fs")/, z = { import: (a: string) => a };
      z.import("node:fs"); export const here = import.meta.url;`,
  }, ["own.ts"]],
];

for (const [what, files, expected] of ALLOWED) {
  e2e(`allowed: ${what}`, async () => assertEquals(await filesOf(files), expected));
}

e2e("the folder of a module is where it really is", async () => {
  using folder = tempFolder();
  const inside = await makeFiles(folder, { "own.ts": `import "./a.ts"; export {};`, "a.ts": "export {};" });
  await Deno.symlink(inside, `${folder.path}/linked`);
  for (const way of [inside, `${folder.path}/linked`]) {
    const files = await checkModuleGraph(`file://${way}/own.ts`, "own");
    assertEquals(files.map((file) => file.slice(`file://${way}/`.length)), ["own.ts", "a.ts"]);
  }
});
