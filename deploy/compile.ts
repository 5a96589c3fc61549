/**
 * Makes a binary of every sample, by `deno compile`, with the network permission of the sample baked in.
 *
 * `deno task compile:linux` and `deno task compile:mac` write to `dist/`; a second argument names another folder.
 *
 * `deno compile` puts the program into a base binary, `denort`, that it downloads. Where it cannot, `DENORT_BIN` names
 * one; `{target}` in it stands for the target, such as `aarch64-apple-darwin`, as each needs its own.
 *
 * @module
 */
import * as header_filter from "../samples/header_filter.ts";
import * as load_balancer from "../samples/load_balancer.ts";
import * as simple_proxy from "../samples/simple_proxy.ts";
import type { ProxyModule } from "../src/proxy/hooks.ts";
import { needsOf } from "../src/sandbox/needs.ts";
import { flagsOf } from "../src/sandbox/print.ts";

const SAMPLES: Record<string, ProxyModule> = { simple_proxy, load_balancer, header_filter };

/** As in the tasks of deno.json: keeps V8 from giving short-lived garbage ever more room. */
const HEAP = "--v8-flags=--max-semi-space-size=16";

/** A kind of machine, and how a program for it begins: at an offset, these bytes. */
interface Target {
  name: string;
  begins: [offset: number, bytes: number[]][];
}

const ELF: [number, number[]] = [0, [0x7f, 0x45, 0x4c, 0x46]];
const MACH_O: [number, number[]] = [0, [0xcf, 0xfa, 0xed, 0xfe]];

const TARGETS: Record<string, Target[]> = {
  linux: [{ name: "x86_64-unknown-linux-gnu", begins: [ELF, [18, [0x3e, 0]]] }],
  mac: [
    { name: "aarch64-apple-darwin", begins: [MACH_O, [4, [0x0c, 0, 0, 1]]] },
    { name: "x86_64-apple-darwin", begins: [MACH_O, [4, [0x07, 0, 0, 1]]] },
  ],
};

async function main([system = "", folder = "dist", ...rest]: readonly string[]): Promise<number> {
  const targets = TARGETS[system];
  if (targets === undefined || rest.length > 0) {
    say(Deno.stderr, `usage: deploy/compile.ts ${Object.keys(TARGETS).join("|")} [FOLDER]`);
    return 2;
  }
  const given = Deno.env.get("DENORT_BIN");
  const baseFor = (target: Target) => given?.replaceAll("{target}", target.name);
  for (const target of targets) {
    const problem = await problemOf(baseFor(target), target);
    if (problem !== undefined) return fail(`DENORT_BIN: ${problem}`);
  }
  for (const target of targets) {
    for (const [name, sample] of Object.entries(SAMPLES)) {
      const flags = flagsOf(needsOf(sample));
      const file = `${folder}/${name}-${target.name}`;
      const error = await compile(name, flags, target.name, file, baseFor(target));
      if (error !== undefined) return fail(`${file}: ${error}`);
      say(Deno.stdout, `wrote ${file} (${flags.join(" ")})`);
    }
  }
  return 0;
}

/** Why this base binary cannot be used for that target; `deno compile` would not say, or not clearly. */
async function problemOf(base: string | undefined, target: Target): Promise<string | undefined> {
  if (base === undefined) return undefined;
  const head = new Uint8Array(64);
  try {
    using file = await Deno.open(base);
    await file.read(head);
  } catch (error) {
    return `cannot read ${base}: ${(error as Error).message}`;
  }
  const fits = target.begins.every(([offset, bytes]) => bytes.every((byte, i) => head[offset + i] === byte));
  return fits ? undefined : `${base} is not a program for ${target.name}`;
}

/** Makes one binary; what went wrong, if anything. */
async function compile(
  sample: string,
  flags: readonly string[],
  target: string,
  file: string,
  base: string | undefined,
): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--no-prompt",
      "--frozen",
      HEAP,
      ...flags,
      "--target",
      target,
      "--output",
      file,
    ]
      .concat("main.ts", "run", sample),
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1", ...(base === undefined ? {} : { DENORT_BIN: base }) },
    stdin: "null",
  }).output();
  if (success) return undefined;
  const text = new TextDecoder().decode(stderr).split("\n\nStack backtrace")[0]!.trim();
  return base === undefined && /dl\.deno\.land|base binary/.test(text)
    ? `the base binary for ${target} could not be fetched; DENORT_BIN can name one\n${text}`
    : text;
}

function fail(message: string): number {
  say(Deno.stderr, `error: ${message}`);
  return 1;
}

function say(to: { writeSync(bytes: Uint8Array): number }, line: string): void {
  to.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
