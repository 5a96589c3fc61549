/**
 * The verbs that are about a configuration file. Loaded only for those, as the schema takes time to load.
 *
 * @module
 */
import { buildPlan } from "../config/build.ts";
import { type ConfigNeed, configNeeds, distinctNeeds, notGranted } from "../config/config_needs.ts";
import { effectiveText } from "../config/effective.ts";
import { explain } from "../config/explain.ts";
import { formatConfig } from "../config/format.ts";
import { jsonSchemaText } from "../config/json_schema.ts";
import { loadConfig, type LoadedConfig, readConfig } from "../config/load.ts";
import { hookKey, type Plan, type PlannedHook } from "../config/plan.ts";
import { ConfigError, inOrder, problemText } from "../config/problem.ts";
import { explainNeeds, FORMATS, printNeeds } from "../sandbox/print.ts";
import { load, type Loaded } from "./loaded.ts";
import { oneOf } from "./options.ts";
import { runConfig } from "./run_config.ts";
import { UsageError } from "./usage.ts";

/** What the verbs are asked for. */
export interface ConfigOptions {
  /** The file. */
  readonly file: string;
  /** The words behind the verb. */
  readonly words: readonly string[];
  /** `NAME: VALUE` fields of the request to explain. */
  readonly header?: readonly string[];
  /** Whether the file's needs are held against this process's permissions. */
  readonly granted?: boolean;
  /** The form of `permissions`. */
  readonly format?: string;
  /** Whether `permissions` prints a table with reasons. */
  readonly explain?: boolean;
  /** Whether `fmt` writes the file. */
  readonly write?: boolean;
  /** Whether `fmt` only tells, by its exit code, if the file is formatted. */
  readonly diff?: boolean;
}

/** What a verb has to say. */
export interface Outcome {
  /** Lines for standard output. */
  readonly text: string;
  /** Lines for standard error. */
  readonly notes?: string;
  /** The exit code. */
  readonly code?: number;
}

/** The verbs of this file. */
export const CONFIG_VERBS: Readonly<Record<string, (options: ConfigOptions) => Promise<Outcome>>> = {
  check,
  explain: explainRequest,
  print: async ({ file, words }) => {
    refuseWords("print", words);
    const loaded = await loadConfig(file);
    return { text: effectiveText(loaded.config, await buildPlan(loaded)).trimEnd() };
  },
  schema: ({ words }) => {
    refuseWords("schema", words);
    return Promise.resolve({ text: jsonSchemaText().trimEnd() });
  },
  permissions,
  fmt,
  run: async ({ file, words }) => {
    refuseWords("run -c", words);
    const loaded = await loadConfig(file);
    const plan = await buildPlan(loaded);
    const { problems, needs, modules } = await hooksOf(plan, loaded);
    if (problems.length > 0) throw new ConfigError(file, inOrder([...loaded.warnings, ...problems]));
    return { text: "", code: await runConfig({ loaded, plan, needs, modules }) };
  },
};

async function check({ file, words, granted }: ConfigOptions): Promise<Outcome> {
  refuseWords("check -c", words);
  const loaded = await loadConfig(file);
  const plan = await buildPlan(loaded);
  const { problems, needs } = await hooksOf(plan, loaded);
  if (granted) problems.push(...notGranted(needs).map((complaint) => loaded.locate(complaint)));
  const all = inOrder([...loaded.warnings, ...problems]);
  if (problems.length > 0) throw new ConfigError(file, all);
  const { listeners, groups, routes } = plan;
  return {
    text: `${file}: ok, ${count(listeners.length, "listener")}, ${count(groups.size, "group")}, ${
      count(routes.length, "route")
    }`,
    notes: all.map((problem) => problemText(file, problem)).join("\n"),
  };
}

async function explainRequest({ file, words, header = [] }: ConfigOptions): Promise<Outcome> {
  const [method, url, ...rest] = words;
  if (method === undefined || url === undefined || rest.length > 0) {
    throw new UsageError("explain takes a method and a URL, such as GET http://example.com/path");
  }
  if (!/^[A-Z-]+$/.test(method)) throw new UsageError(`the method is "${method}", allowed are capitals`);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new UsageError(`the URL is "${url}", allowed are http://HOST/PATH and https://HOST/PATH`);
  }
  const headers = new Headers();
  for (const field of header) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(field) ?? [];
    if (name === undefined) throw new UsageError(`--header is "${field}", allowed is NAME: VALUE`);
    headers.append(name, value!);
  }
  const plan = await buildPlan(await loadConfig(file));
  return { text: explain(plan, { method, url: parsed, headers }) };
}

async function permissions({ file, words, format = "flags", explain }: ConfigOptions): Promise<Outcome> {
  refuseWords("permissions -c", words);
  const form = oneOf("--format", format, FORMATS);
  const loaded = await loadConfig(file);
  const { problems, needs } = await hooksOf(await buildPlan(loaded), loaded);
  if (problems.length > 0) throw new ConfigError(file, inOrder(problems));
  if (!explain) return { text: printNeeds(needs, form) };
  const inThread = loaded.config.routes.some(({ hooks }) =>
    hooks && hooks.some(({ sandbox }) => sandbox === false)
  );
  return { text: explainNeeds(file, needs, !inThread) };
}

async function fmt({ file, words, write, diff }: ConfigOptions): Promise<Outcome> {
  refuseWords("fmt", words);
  const before = await readConfig(file);
  const after = await formatConfig(file, before);
  if (diff) {
    const same = after === before;
    return { text: same ? `${file}: formatted` : `${file}: not formatted`, code: same ? 0 : 1 };
  }
  if (!write) return { text: after.replace(/\n$/, "") };
  if (after !== before) await Deno.writeTextFile(file, after);
  return { text: `${file}: ${after === before ? "was formatted already" : "formatted"}` };
}

/** Loads the hook modules of a plan: what is wrong with them, and what everything needs, without those in workers. */
async function hooksOf(plan: Plan, loaded: LoadedConfig) {
  const problems = [];
  const needs: ConfigNeed[] = configNeeds(loaded);
  const known = new Map<string, Loaded | Error>();
  const modules = new Map<string, Loaded>();
  for (const { index, rules: { hooks = [] } } of plan.routes) {
    for (const [i, hook] of hooks.entries()) {
      const path = hookPath(loaded, index, i);
      let module = known.get(hookKey(hook));
      if (module === undefined) {
        module = await loadHook(hook).catch((error) =>
          error instanceof Error ? error : new Error(String(error))
        );
        known.set(hookKey(hook), module);
        if (module instanceof Error) {
          for (const line of module.message.split("\n")) {
            problems.push(loaded.locate({ path, found: line }));
          }
        } else {
          modules.set(hookKey(hook), module);
          needs.push(...needsOfHook(module).map((need) => ({ ...need, path })));
        }
      }
    }
  }
  return { problems, needs: distinctNeeds(needs), modules };
}

/** Where a route's hook stands in the file: at the route, or at `defaults`. */
function hookPath({ config }: LoadedConfig, index: number, i: number): (string | number)[] {
  const own = config.routes[index]!.hooks !== undefined;
  return [...(own ? ["routes", index] : ["defaults"]), "hooks", i, "module"];
}

async function loadHook({ module, sandbox }: PlannedHook): Promise<Loaded> {
  const path = /[./\\]/.test(module) ? module : `./${module}`;
  const { memory: memoryLimit, ...settings } = sandbox ?? { memory: 0 };
  return await load(path, {}, {
    upstreams: [],
    sandbox: sandbox && { ...settings, memoryLimit },
    isPart: true,
  });
}

function needsOfHook({ module, sources }: Loaded): Omit<ConfigNeed, "path">[] {
  const asked = Object.entries(module.permissions ?? {}) as [ConfigNeed["kind"], string[]][];
  return [
    ...(module.net ?? []).map((value) => ({ kind: "net" as const, value, why: "hooks" })),
    ...sources.map((source) => ({ kind: "read" as const, ...source })),
    ...asked.flatMap(([kind, values]) => values.map((value) => ({ kind, value, why: 'its "permissions"' }))),
  ];
}

function refuseWords(verb: string, words: readonly string[]): void {
  if (words.length > 0) throw new UsageError(`${verb} takes no more words, found ${words.join(" ")}`);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
