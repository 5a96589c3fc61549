import { assert, assertEquals } from "@std/assert";
import { e2e, ROOT } from "../support/process.ts";

/** The folders of `src/`, from the top down: a file may import from its own folder and from those below. */
const ORDER = [
  "cli",
  "admin",
  "config",
  "sandbox",
  "rules",
  "proxy",
  "balance",
  "downstream",
  "upstream",
  "observe",
  // What HTTP is, for all who speak it.
  "http",
  "std",
];

/** The specifiers that a file imports or exports from, types included. */
function specifiers(text: string): string[] {
  const code = text.replace(/^\s*(\*|\/\/).*$/gm, "");
  const from = code.matchAll(/^(?:import|export)\b[^"';]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"/gm);
  const called = code.matchAll(/\bimport\(\s*"([^"]+)"/g);
  return [...from, ...called].map(([, a, b]) => (a ?? b)!);
}

/** Every file of `src/` with the files of `src/` that it imports; paths are relative to `src/`. */
async function graph(): Promise<Map<string, string[]>> {
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const src = new URL(`file://${ROOT}src/`);
  const found = new Map<string, string[]>();
  const folders = [src];
  for (let folder; (folder = folders.pop()) !== undefined;) {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const file = new URL(isDirectory ? `${name}/` : name, folder);
      if (isDirectory) folders.push(file);
      if (!name.endsWith(".ts")) continue;
      const targets = specifiers(await Deno.readTextFile(file))
        .map((name) => imports[name]?.startsWith("./") ? new URL(imports[name], `file://${ROOT}`) : name)
        .filter((target) => target instanceof URL || target.startsWith("."))
        .map((target) => new URL(target, file).href.slice(src.href.length));
      found.set(file.href.slice(src.href.length), targets.filter((target) => target.endsWith(".ts")));
    }
  }
  return found;
}

e2e("imports in src/ point downwards in the order of the design, and nothing imports mod.ts", async () => {
  const wrong: string[] = [];
  const files = await graph();
  assert(files.size > 50, `${files.size} files`);
  for (const [file, targets] of files) {
    if (file === "mod.ts") continue;
    const own = ORDER.indexOf(file.split("/")[0]!);
    assert(own >= 0, `src/${file} is in a folder that the design does not know`);
    for (const target of targets) {
      if (ORDER.indexOf(target.split("/")[0]!) < own) wrong.push(`${file} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

e2e("every import in src/ is of a file there, of deno.json or of a name in the import map", async () => {
  const files = await graph();
  for (const [file, targets] of files) {
    for (const target of targets) assert(files.has(target), `${file} imports ${target}, which is not there`);
  }
});

e2e("the imports in src/ have no circles", async () => {
  const files = await graph();
  const state = new Map<string, "open" | "done">();
  const visit = (file: string, way: string[]): void => {
    assert(state.get(file) !== "open", `circle: ${[...way, file].join(" -> ")}`);
    if (state.has(file)) return;
    state.set(file, "open");
    for (const target of files.get(file) ?? []) visit(target, [...way, file]);
    state.set(file, "done");
  };
  for (const file of files.keys()) visit(file, []);
  assertEquals(state.size, files.size);
});

e2e("main.ts has no logic, and samples import the public API alone", async () => {
  const main = await Deno.readTextFile(`${ROOT}main.ts`);
  // Beside imports and comments: the list of the samples, and one call.
  const code = main.split("\n").filter((line) => /\S/.test(line) && !/^(import|\s*\*|\/\*)/.test(line));
  assert(code.filter((line) => !/^ {2}\w+,$/.test(line)).length <= 5, code.join("\n"));
  for await (const { name, isFile } of Deno.readDir(`${ROOT}samples`)) {
    if (!isFile) continue;
    assertEquals(specifiers(await Deno.readTextFile(`${ROOT}samples/${name}`)), ["../src/mod.ts"], name);
  }
});
