/**
 * A module that a command is about, loaded into this thread or looked at from outside.
 *
 * @module
 */
import { dirname, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ProxyModule } from "../proxy/hooks.ts";
import { hooksOf, ModuleError, silenceProblems } from "../proxy/module.ts";
import type { Need } from "../sandbox/needs.ts";
import { inspectModule, type SandboxOptions, startSandboxed } from "../sandbox/sandboxed_module.ts";
import type { Peer } from "../upstream/peer.ts";
import { loadModule, refuseUnknown, type Samples } from "./load.ts";
import { withUpstreams } from "./upstream_urls.ts";

/** A module, not yet ready for requests. */
export interface Loaded {
  /** Its name, as the user gave it. */
  readonly name: string;
  /** What it declares, with its hooks if they are in this thread. */
  readonly module: ProxyModule;
  /** The names of its hooks, in the order of the phases. */
  readonly hooks: readonly string[];
  /** What has to be read to load it. */
  readonly sources: readonly Pick<Need, "value" | "why">[];
  /** Whether its hooks run in workers. */
  readonly sandboxed: boolean;
  /** Makes it ready for requests. */
  start(): Promise<ProxyModule>;
  /** Loads it anew from its files; only sandboxed modules can be, as a thread keeps what it has loaded. */
  readonly reload: (() => Promise<Loaded>) | undefined;
}

/** What is to be loaded. */
export interface LoadOptions {
  /** Upstreams in the place of its own. */
  upstreams: readonly string[];
  /** Settings of its workers; undefined loads it into this thread. */
  sandbox: SandboxOptions | undefined;
  /** Whether others answer the requests, so that it needs no hook that does. @default {false} */
  isPart?: boolean;
}

/**
 * Loads a sample or a module on disk.
 *
 * @throws as {@linkcode loadModule}, and what `inspectModule` throws
 */
export async function load(name: string, samples: Samples, options: LoadOptions): Promise<Loaded> {
  const { upstreams, sandbox, isPart = false } = options;
  if (sandbox === undefined) {
    const module = withUpstreams(name, await loadModule(name, samples, isPart), upstreams);
    const isSample = Object.hasOwn(samples, name);
    return {
      name,
      module,
      hooks: hooksOf(module),
      sources: isSample ? [] : [{ value: folderOf(pathToFileURL(name).href), why: "the module's folder" }],
      sandboxed: false,
      start: () => Promise.resolve(module),
      reload: undefined,
    };
  }
  const inspected = await inspectModule(fileOf(name, samples), name);
  const { declarations, url } = inspected;
  const problems = isPart ? [] : silenceProblems(declarations.hooks);
  if (problems.length > 0) throw new ModuleError(name, problems);
  const module = withUpstreams(name, inspected.module, upstreams);
  const net = module.net ?? (module.upstreams as Peer[]).map(({ address }) => address);
  const given = upstreams.length > 0 ? module.upstreams as Peer[] : undefined;
  return {
    name,
    module: { ...module, net },
    hooks: declarations.hooks,
    sources: [
      { value: folderOf(url), why: "the module's folder" },
      { value: folderOf(new URL("../", import.meta.url).href), why: "Postern, for the worker" },
    ],
    sandboxed: true,
    start: async () => (await startSandboxed(inspected, net, given, sandbox)).module,
    reload: () => load(name, samples, options),
  };
}

/** The file of a sample or a module on disk. */
function fileOf(name: string, samples: Samples): string {
  if (Object.hasOwn(samples, name)) return new URL(`../../samples/${name}.ts`, import.meta.url).href;
  refuseUnknown(name, samples);
  return pathToFileURL(name).href;
}

/** A file's folder, from where the command runs if it lies below. */
function folderOf(url: string): string {
  const folder = url.endsWith("/") ? fileURLToPath(url).replace(/\/$/, "") : dirname(fileURLToPath(url));
  const short = relative(fileURLToPath(pathToFileURL(".")), folder);
  return short === "" ? "." : short.startsWith("..") ? folder : short;
}
