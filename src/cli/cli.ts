/**
 * The command line: verbs and options.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { LevelName } from "@std/log";
import { ConfigError } from "../config/problem.ts";
import { nearest } from "../proxy/nearest.ts";
import { Audit } from "../sandbox/audit.ts";
import { needsOf, undeclared } from "../sandbox/needs.ts";
import { explainNeeds, FORMATS, printNeeds } from "../sandbox/print.ts";
import { parseAddress } from "../upstream/address.ts";
import { demo } from "./demo.ts";
import type { Samples } from "./load.ts";
import { load } from "./loaded.ts";
import { oneOf, SANDBOX_OPTIONS, sandboxOptions } from "./options.ts";
import { run } from "./run.ts";
import { HELP, UsageError } from "./usage.ts";
import { VERSION } from "./version.ts";

/** The verbs, and the options that each takes. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  run: [
    "listen",
    "front",
    "upstream",
    "log-level",
    "access-log",
    "strict",
    "audit",
    ...Object.keys(SANDBOX_OPTIONS),
  ],
  check: ["listen", "upstream", "sandbox"],
  permissions: ["listen", "upstream", "sandbox", "format", "explain"],
  demo: [],
};

/** The verbs that are about a configuration file, and the options that each takes then. */
const VERBS_WITH_FILE: Readonly<Record<string, readonly string[]>> = {
  run: ["config", "watch", "workers", "worker"],
  proxy: ["from", "to"],
  reload: ["config"],
  check: ["config", "granted"],
  permissions: ["config", "format", "explain"],
  explain: ["config", "header"],
  print: ["config"],
  schema: [],
  fmt: ["config", "write", "diff"],
};
/** The file of those that are about nothing else. */
const DEFAULT_FILE = "postern.yaml";

/** Carries a command line out; the exit code. */
export async function cli(args: readonly string[], samples: Samples): Promise<number> {
  try {
    return await dispatch(args, samples);
  } catch (error) {
    if (error instanceof ConfigError) return printProblems(error);
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
  const isAboutFile = values.config !== undefined || !Object.hasOwn(VERBS, verb);
  checkUsage(verb, Object.keys(values), isAboutFile ? VERBS_WITH_FILE : VERBS);
  if (isAboutFile) {
    // Only here, as it takes a while to load.
    const { CONFIG_VERBS } = await import("./config_verbs.ts");
    const words = name === undefined ? [] : [name, ...rest];
    const { text, notes = "", code } = await CONFIG_VERBS[verb]!({
      ...values,
      file: values.config ?? DEFAULT_FILE,
      words,
    });
    if (notes !== "") print(notes, Deno.stderr);
    return text === "" ? code ?? 0 : print(text, Deno.stdout, code);
  }
  if (verb === "demo") {
    if (name !== undefined) throw new UsageError(`demo takes no module, found ${quoted([name, ...rest])}`);
    return await demo(samples);
  }
  if (name === undefined) {
    throw new UsageError(`${verb} needs a module${verb in VERBS_WITH_FILE ? ", or a file by -c" : ""}`);
  }
  if (rest.length > 0) throw new UsageError(`${verb} takes one module, found also ${quoted(rest)}`);

  const { listen } = values;
  if (listen !== undefined) checkListen(listen);
  const audit = values.audit ? new Audit() : undefined;
  const sandbox = sandboxOptions(values, audit);
  const loaded = await load(name, samples, { upstreams: values.upstream ?? [], sandbox });
  const { module, hooks, sources } = loaded;
  const stray = undeclared(module);
  if (stray.length > 0) throw new Error(`${name}: upstream ${stray.join(", ")} is not in its "net"`);
  if (verb === "check") return print(`${name}: ok\nphases ${hooks.join(" ")}`);
  if (verb === "permissions") {
    const needs = needsOf(module, { listen, sources });
    if (values.explain) return print(explainNeeds(name, needs, sandbox !== undefined));
    return print(printNeeds(needs, oneOf("--format", values.format ?? "flags", FORMATS)));
  }
  return await run(loaded, {
    listen,
    listener: values.front === undefined ? {} : { front: oneOf("--front", values.front, ["serve", "tcp"]) },
    logLevel: oneOf("--log-level", values["log-level"] ?? "info", ["debug", "info", "warn", "error"])
      .toUpperCase() as LevelName,
    accessLog: oneOf("--access-log", values["access-log"] ?? "common", ["common", "json", "off"]),
    strict: values.strict ?? false,
    audit,
  });
}

const OPTIONS = {
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "V" },
  listen: { type: "string" },
  front: { type: "string" },
  upstream: { type: "string", multiple: true },
  "log-level": { type: "string" },
  "access-log": { type: "string" },
  strict: { type: "boolean" },
  audit: { type: "boolean" },
  format: { type: "string" },
  explain: { type: "boolean" },
  config: { type: "string", short: "c" },
  header: { type: "string", short: "H", multiple: true },
  granted: { type: "boolean" },
  watch: { type: "boolean" },
  worker: { type: "string" },
  from: { type: "string" },
  to: { type: "string", multiple: true },
  write: { type: "boolean" },
  diff: { type: "boolean" },
  ...SANDBOX_OPTIONS,
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

function checkUsage(
  verb: string,
  options: readonly string[],
  verbs: Readonly<Record<string, readonly string[]>>,
): void {
  if (!Object.hasOwn(verbs, verb)) {
    const known = [...new Set([...Object.keys(VERBS), ...Object.keys(VERBS_WITH_FILE)])];
    if (known.includes(verb)) throw new UsageError(`${verb} takes no --config`);
    throw new UsageError(`unknown verb "${verb}", ${suggestion(verb, known)}`);
  }
  const stray = options.find((option) => !verbs[verb]!.includes(option));
  if (stray !== undefined) throw new UsageError(`${verb} takes no --${stray}`);
}

/** Says what is wrong with a configuration, without more words in a line, so that editors find the place. */
function printProblems({ message, problems }: ConfigError): number {
  const bold = Deno.stderr.isTerminal() && !Deno.noColor;
  const lines = bold ? message.replaceAll(/^\S+:\d+:\d+:/gm, "\x1b[1m$&\x1b[0m") : message;
  const errors = problems.filter(({ isWarning }) => !isWarning).length;
  return print(`${lines}\n${errors} ${errors === 1 ? "error" : "errors"}`, Deno.stderr, 2);
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `"${word}"`).join(", ");
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
