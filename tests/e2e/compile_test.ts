// What can be shown of `deno compile` without its own base binary, denort: with small programs in its place, that the
// outputs are programs for their target that carry Postern, its arguments and its permissions. They do not run Postern.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { CPU, elfProgram, machoProgram } from "../support/base_program.ts";
import { e2e, type Outcome, outcome, postern, ROOT, tempFolder } from "../support/process.ts";

const SAMPLES = ["simple_proxy", "load_balancer", "header_filter"];

/** Runs the task's command; its outputs go to `folder`. */
async function compile(system: string, folder: string, base: string): Promise<Outcome> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [deno, ...args] = tasks[`compile:${system}`].command.split(" ") as [string, ...string[]];
  assertEquals(deno, "deno");
  return await outcome([Deno.execPath(), ...args, folder], { DENORT_BIN: base });
}

/** What the base binary is told at its start: a length, then JSON, behind a marker. */
interface Metadata {
  argv: string[];
  entrypoint_key: string;
  permissions: Record<string, unknown>;
  unstable_config: { features: string[] };
}

function metadataOf(program: Uint8Array): Metadata {
  const start = indexOf(program, `{"argv":`);
  assert(start > 0, "the program holds no metadata");
  const view = new DataView(program.buffer, program.byteOffset);
  const length = Number(view.getBigUint64(start - 8, true));
  return JSON.parse(new TextDecoder().decode(program.subarray(start, start + length)));
}

function indexOf(bytes: Uint8Array, text: string): number {
  const wanted = new TextEncoder().encode(text);
  for (let at = -1; (at = bytes.indexOf(wanted[0]!, at + 1)) >= 0;) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

async function assertCarries(program: Uint8Array, sample: string): Promise<void> {
  const { argv, entrypoint_key, permissions, unstable_config } = metadataOf(program);
  assertEquals([argv, entrypoint_key], [["run", sample], "main.ts"]);
  const { out: [flag] } = await postern([], ["permissions", sample]);
  // Where code may be imported from is not among the flags of a task either.
  const { allow_net, prompt, allow_import: _, ...others } = permissions;
  assertEquals(`--allow-net=${(allow_net as string[]).join(",")}`, flag);
  assertEquals(prompt, false);
  for (const [name, value] of Object.entries(others)) assertEquals(value, null, name);
  assertEquals(unstable_config.features.toSorted(), ["net", "no-legacy-abort", "worker-options"]);
  for (const file of ["main.ts", `samples/${sample}.ts`, "src/cli/run.ts", "src/upstream/exchange.ts"]) {
    assert(indexOf(program, await Deno.readTextFile(ROOT + file)) > 0, `${file} is not in it`);
  }
}

e2e(
  "compile:linux makes a program of every sample that carries it, its arguments and its permissions",
  async () => {
    using folder = tempFolder();
    await Deno.writeFile(`${folder.path}/base`, elfProgram());
    const { code, out, err } = await compile("linux", folder.path, `${folder.path}/base`);
    assertEquals([code, err, out.length], [0, [], 3], err.join("\n"));
    for (const [i, sample] of SAMPLES.entries()) {
      const file = `${folder.path}/${sample}-x86_64-unknown-linux-gnu`;
      assert(out[i]!.startsWith(`wrote ${file} (--allow-net=127.0.0.1:6188,`), out[i]);
      await assertCarries(await Deno.readFile(file), sample);
      if (Deno.build.target === "x86_64-unknown-linux-gnu") {
        assertEquals((await outcome([file])).code, 7, "it still is a program that runs");
      }
    }
  },
);

e2e("compile:mac makes programs for both processors; that for arm64 has a signature that holds", async () => {
  using folder = tempFolder();
  for (const [target, cpu] of Object.entries(CPU)) {
    await Deno.writeFile(`${folder.path}/base-${target}`, machoProgram(cpu));
  }
  const { code, out, err } = await compile("mac", folder.path, `${folder.path}/base-{target}`);
  assertEquals([code, err, out.length], [0, [], 6], err.join("\n"));
  for (const [target, cpu] of Object.entries(CPU)) {
    for (const sample of SAMPLES) {
      const program = await Deno.readFile(`${folder.path}/${sample}-${target}`);
      const view = new DataView(program.buffer);
      assertEquals([view.getUint32(0, true), view.getUint32(4, true)], [0xfeedfacf, cpu]);
      await assertCarries(program, sample);
      if (target === "aarch64-apple-darwin") await assertSigned(program);
    }
  }
});

/** macOS starts no arm64 program whose pages differ from the SHA-256 sums in its signature, made by whomever. */
async function assertSigned(program: Uint8Array<ArrayBuffer>): Promise<void> {
  const view = new DataView(program.buffer);
  let command = 32;
  while (view.getUint32(command, true) !== 0x1d) command += view.getUint32(command + 4, true);
  const signature = view.getUint32(command + 8, true);
  assertEquals(view.getUint32(signature), 0xfade0cc0);
  const directory = signature + view.getUint32(signature + 16);
  assertEquals(view.getUint32(directory), 0xfade0c02);
  const sums = directory + view.getUint32(directory + 16);
  const [pages, end] = [view.getUint32(directory + 28), view.getUint32(directory + 32)];
  const size = 1 << program[directory + 39]!;
  assertEquals([pages, end], [Math.ceil(signature / size), signature]);
  for (let i = 0; i < pages; i++) {
    const sum = await crypto.subtle.digest(
      "SHA-256",
      program.subarray(i * size, Math.min((i + 1) * size, end)),
    );
    assertEquals(program.subarray(sums + 32 * i, sums + 32 * i + 32), new Uint8Array(sum), `page ${i}`);
  }
}

e2e("a base binary for another target, or none, is one clear line and exit code 1", async () => {
  using folder = tempFolder();
  await Deno.writeFile(`${folder.path}/elf`, elfProgram());
  await Deno.writeFile(`${folder.path}/arm`, machoProgram(CPU["aarch64-apple-darwin"]));
  folder.write("text", "#!/bin/sh\n");
  const cases: [string, string, RegExp][] = [
    ["linux", "arm", /arm is not a program for x86_64-unknown-linux-gnu$/],
    ["linux", "text", /text is not a program for x86_64-unknown-linux-gnu$/],
    ["linux", "nowhere", /cannot read .*nowhere: /],
    ["mac", "elf", /elf is not a program for aarch64-apple-darwin$/],
    ["mac", "arm", /arm is not a program for x86_64-apple-darwin$/],
  ];
  for (const [system, base, message] of cases) {
    const { code, out, err } = await compile(system, `${folder.path}/out`, `${folder.path}/${base}`);
    assertEquals([code, out, err.length], [1, [], 1], err.join("\n"));
    assertMatch(err[0]!, /^error: DENORT_BIN: /);
    assertMatch(err[0]!, message);
  }
});

e2e("compile without a system it knows says how it is used", async () => {
  const run = [Deno.execPath(), "run", "--no-prompt", "deploy/compile.ts"];
  for (const args of [[], ["windows"], ["linux", "a", "b"]]) {
    const { code, err } = await outcome([...run, ...args]);
    assertEquals([code, err], [2, ["usage: deploy/compile.ts linux|mac [FOLDER]"]]);
  }
});
