/**
 * The verbs that are about a configuration file. Loaded only for those, as the schema takes time to load.
 *
 * @module
 */
import { stringify } from "@std/yaml";
import { buildPlan } from "../config/build.ts";
import { type ConfigNeed, configNeeds, distinctNeeds, notGranted } from "../config/config_needs.ts";
import { effectiveText } from "../config/effective.ts";
import { explain } from "../config/explain.ts";
import { formatConfig } from "../config/format.ts";
import { jsonSchemaText } from "../config/json_schema.ts";
import { checkConfig, loadConfig, type LoadedConfig, readConfig } from "../config/load.ts";
import { hookKey, type Plan, type PlannedHook } from "../config/plan.ts";
import { ConfigError, inOrder, problemText } from "../config/problem.ts";
import { explainNeeds, FORMATS, printNeeds } from "../sandbox/print.ts";
import { load, type Loaded } from "./loaded.ts";
import { oneOf } from "./options.ts";
import { runConfig } from "./run_config.ts";
import type { Runnable } from "./runnable.ts";
import { stopSignal } from "./signals.ts";
import { UsageError } from "./usage.ts";
import { stopOfWorker } from "./worker.ts";
import { runWorkers } from "./workers.ts";

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
  /** Whether `run` loads the file again when it changes. */
  readonly watch?: boolean;
  /** In how many processes `run` runs. */
  readonly workers?: string;
  /** Which of several processes this is. */
  readonly worker?: string;
  /** Where `proxy` listens. */
  readonly from?: string;
  /** Where `proxy` sends requests. */
  readonly to?: readonly string[];
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
  run: runFile,
  proxy,
  reload,
};

async function runFile({ file, words, watch = false, workers, worker }: ConfigOptions): Promise<Outcome> {
  refuseWords("run -c", words);
  const load = async () => await runnableOf(file, await readConfig(file));
  if (workers !== undefined) {
    const { needs } = await load();
    const more = watch ? ["--watch"] : [];
    return { text: "", code: await runWorkers(file, needs, wholeNumber("--workers", workers, 1), more) };
  }
  const index = worker === undefined ? undefined : wholeNumber("--worker", worker, 0);
  return {
    text: "",
    code: await runConfig(load, {
      watch,
      worker: index,
      stopSignal: index === undefined ? stopSignal : stopOfWorker,
    }),
  };
}

/** A proxy without a file. */
async function proxy({ words, from, to = [] }: ConfigOptions): Promise<Outcome> {
  refuseWords("proxy", words);
  const members = to.flatMap((list) => list.split(","));
  if (from === undefined || members.length === 0) {
    throw new UsageError("proxy needs --from HOST:PORT and --to HOST:PORT[,HOST:PORT]");
  }
  const text = stringify({
    listeners: [{ address: from, front: "tcp" }],
    groups: { upstream: { members } },
    routes: [{ name: "all", to: "upstream" }],
  });
  const load = () => runnableOf(COMMAND_LINE, text);
  return { text: "", code: await runConfig(load, { watch: false, worker: undefined, stopSignal }) };
}

/** Has the proxy that runs by a file load it again. */
async function reload({ file, words }: ConfigOptions): Promise<Outcome> {
  refuseWords("reload", words);
  const { admin } = await buildPlan(await loadConfig(file));
  if (admin?.token === undefined) {
    throw new Error(`${file} has no admin with a token: send SIGHUP to the process instead`);
  }
  const { listen, token } = admin;
  const answer = await fetch(`http://${listen.replace(/^0\.0\.0\.0:/, "127.0.0.1:")}/reload`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
  return { text: (await answer.text()).trimEnd(), code: answer.ok ? 0 : 1 };
}

/** A configuration from its text, with everything that is needed to run it. */
async function runnableOf(file: string, text: string): Promise<Runnable> {
  const loaded = await checkConfig(file, text);
  const plan = await buildPlan(loaded);
  const { problems, needs, modules } = await hooksOf(plan, loaded);
  if (problems.length > 0) throw new ConfigError(file, inOrder([...loaded.warnings, ...problems]));
  const isFile = file !== COMMAND_LINE;
  return {
    loaded,
    plan,
    needs: needs.filter(({ kind, value }) => isFile || kind !== "read" || value !== file),
    modules,
  };
}

/** What stands for the file of a proxy without one. */
const COMMAND_LINE = "(command line)";

function wholeNumber(option: string, text: string, least: number): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= least && number <= 1024) return number;
  throw new UsageError(`${option} is "${text}", allowed are whole numbers from ${least} to 1024`);
}

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
