/**
 * The command line: verbs and options.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { LevelName } from "@std/log";
import type { AccessFormat } from "../observe/access_log.ts";
import { hooksOf } from "../proxy/module.ts";
import { nearest } from "../proxy/nearest.ts";
import { neededNet, netFlag, undeclared } from "../sandbox/permissions.ts";
import { parseAddress } from "../upstream/address.ts";
import { demo } from "./demo.ts";
import { loadModule, type Samples } from "./load.ts";
import { run } from "./run.ts";
import { withUpstreams } from "./upstream_urls.ts";
import { HELP, UsageError } from "./usage.ts";
import { VERSION } from "./version.ts";

/** The verbs, and the options that each takes. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  run: ["listen", "upstream", "log-level", "access-log"],
  check: ["listen", "upstream"],
  permissions: ["listen", "upstream"],
  demo: [],
};

/** Carries a command line out; the exit code. */
export async function cli(args: readonly string[], samples: Samples): Promise<number> {
  try {
    return await dispatch(args, samples);
  } catch (error) {
    const usage = error instanceof UsageError;
    const lines = (error instanceof Error ? error.message : String(error)).split("\n");
    print(lines.map((line) => `error: ${line}`).join("\n") + (usage ? "\nsee --help" : ""), Deno.stderr);
    return usage ? 2 : 1;
  }
}

async function dispatch(args: readonly string[], samples: Samples): Promise<number> {
  const { values, positionals: [verb, name, ...rest] } = parse(args);
  if (values.version) return print(`postern ${VERSION}`);
  if (values.help || verb === undefined) {
    return print(HELP.trimEnd(), values.help ? Deno.stdout : Deno.stderr, values.help ? 0 : 2);
  }
  checkUsage(verb, Object.keys(values));
  if (verb === "demo") {
    if (name !== undefined) throw new UsageError(`demo takes no module, found ${quoted([name, ...rest])}`);
    return await demo(await loadModule("load_balancer", samples));
  }
  if (name === undefined) throw new UsageError(`${verb} needs a module`);
  if (rest.length > 0) throw new UsageError(`${verb} takes one module, found also ${quoted(rest)}`);

  const { listen } = values;
  if (listen !== undefined) checkListen(listen);
  const module = withUpstreams(name, await loadModule(name, samples), values.upstream ?? []);
  const needed = neededNet(module, listen);
  const stray = undeclared(module);
  if (stray.length > 0) throw new Error(`${name}: upstream ${stray.join(", ")} is not in its "net"`);
  if (verb === "check") return print(`${name}: ok\nphases ${hooksOf(module).join(" ")}`);
  if (verb === "permissions") return print(netFlag(needed));
  return await run(name, module, {
    listen,
    logLevel: oneOf("--log-level", values["log-level"] ?? "info", ["debug", "info", "warn", "error"])
      .toUpperCase() as LevelName,
    accessLog: oneOf("--access-log", values["access-log"] ?? "common", ["common", "json", "off"]) as
      | AccessFormat
      | "off",
  });
}

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
  listen: { type: "string" },
  upstream: { type: "string", multiple: true },
  "log-level": { type: "string" },
  "access-log": { type: "string" },
} as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    const message = (error as Error).message.split(". ")[0]!;
    const unknown = /^Unknown option '(--[^']+)'/.exec(message)?.[1];
    if (unknown === undefined) throw new UsageError(message);
    throw new UsageError(
      `unknown option "${unknown}", ${suggestion(unknown, Object.keys(OPTIONS).map((o) => `--${o}`))}`,
    );
  }
}

function checkUsage(verb: string, options: readonly string[]): void {
  if (!Object.hasOwn(VERBS, verb)) {
    throw new UsageError(`unknown verb "${verb}", ${suggestion(verb, Object.keys(VERBS))}`);
  }
  const stray = options.find((option) => !VERBS[verb]!.includes(option));
  if (stray !== undefined) throw new UsageError(`${verb} takes no --${stray}`);
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `"${word}"`).join(", ");
}

function oneOf(option: string, value: string, allowed: readonly string[]): string {
  if (!allowed.includes(value)) {
    throw new UsageError(`${option} is "${value}", allowed are ${allowed.join(", ")}`);
  }
  return value;
}

function checkListen(listen: string): void {
  try {
    parseAddress(listen);
  } catch {
    throw new UsageError(`--listen is "${listen}", allowed are HOST:PORT (port 0 to 65535) and unix:/path`);
  }
}

function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near ? `did you mean "${near}"?` : `known are ${known.join(", ")}`;
}

function print(text: string, to: { writeSync(bytes: Uint8Array): number } = Deno.stdout, code = 0): number {
  to.writeSync(new TextEncoder().encode(`${text}\n`));
  return code;
}
