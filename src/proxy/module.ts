/**
 * Making sure that a module is one, before it gets a request.
 *
 * @module
 */
import { ADDRESS, NET_ENTRY } from "./address_check.ts";
import { describe, type Rule, shown } from "./fields.ts";
import { DECLARATIONS, HOOKS, type ProxyModule, type UpstreamGroup } from "./hooks.ts";
import { listenerProblems } from "./listener_check.ts";
import { nearest } from "./nearest.ts";
import { optionProblems } from "./options.ts";
import { permissionProblems } from "./permissions_check.ts";
import { peerProblems } from "./peer_check.ts";

/** A module that cannot be run; the message has a line for every problem. */
export class ModuleError extends Error {
  /** What is wrong, one text each. */
  readonly problems: readonly string[];

  /** Takes the problems found in the module of that name. */
  constructor(name: string, problems: readonly string[]) {
    super(problems.map((problem) => `${name}: ${problem}`).join("\n"));
    this.name = "ModuleError";
    this.problems = problems;
  }
}

const KNOWN: readonly string[] = [...HOOKS, ...DECLARATIONS];

/**
 * The exports of a module, checked. Exports of other names are the module's own affair, unless they look misspelt.
 *
 * @param name Names the module in problems.
 * @param isPart Whether others answer the requests, so that it needs no hook that does.
 * @throws {ModuleError} that lists every problem
 */
export function checkModule(name: string, exports: Record<string, unknown>, isPart = false): ProxyModule {
  const problems: string[] = [];
  for (const [key, value] of Object.entries(exports)) {
    if ((HOOKS as readonly string[]).includes(key)) {
      if (typeof value !== "function") {
        problems.push(`hook "${key}" is ${describe(value)}, expected a function`);
      }
    } else if (!KNOWN.includes(key)) {
      const near = nearest(key, KNOWN);
      if (near !== undefined) problems.push(`unknown export "${key}", did you mean "${near}"?`);
    }
  }
  const { listen, listener, net, permissions, upstreams, options, backgroundServices } = exports;
  if (typeof listen === "string") problems.push(...entryProblems("listen", listen, ADDRESS));
  else if (listen !== undefined) problems.push(`"listen" is ${describe(listen)}, expected "host:port"`);
  if (listener !== undefined) problems.push(...listenerProblems(listener));
  if (Array.isArray(net)) {
    problems.push(...net.flatMap((entry, i) => entryProblems(`net[${i}]`, entry, NET_ENTRY)));
  } else if (net !== undefined) {
    problems.push(`"net" is ${describe(net)}, expected a list of "host:port"`);
  }
  const peers = isGroup(upstreams) ? upstreams.peers : upstreams;
  if (Array.isArray(peers)) {
    problems.push(...peers.flatMap((peer, i) => peerProblems(`upstreams[${i}]`, peer)));
  } else if (upstreams !== undefined) {
    problems.push(`"upstreams" is ${describe(upstreams)}, expected a list of peers or a LoadBalancer`);
  }
  if (backgroundServices !== undefined && !isServices(backgroundServices)) {
    problems.push(
      `"backgroundServices" is ${describe(backgroundServices)}, expected a list of { name, run(signal) }`,
    );
  }
  if (permissions !== undefined) problems.push(...permissionProblems(permissions));
  if (options !== undefined) problems.push(...optionProblems(options));
  if (!isPart) problems.push(...silenceProblems(Object.keys(exports)));
  if (problems.length > 0) throw new ModuleError(name, problems);
  return exports as ProxyModule;
}

/** What is wrong with a module of these exports when nobody else answers its requests. */
export function silenceProblems(names: readonly string[]): string[] {
  return names.some((name) => name === "upstreamPeer" || name === "requestFilter")
    ? []
    : ['it exports neither "upstreamPeer" nor "requestFilter", one of which has to answer requests'];
}

/** The hooks that a module has, in the order of the phases. */
export function hooksOf(module: ProxyModule): string[] {
  return HOOKS.filter((hook) => module[hook] !== undefined);
}

function entryProblems(where: string, entry: unknown, { expected, holds }: Rule): string[] {
  return holds(entry) ? [] : [`"${where}" is ${shown(entry)}, expected ${expected}`];
}

function isGroup(value: unknown): value is UpstreamGroup {
  return typeof value === "object" && value !== null && "peers" in value && "replace" in value;
}

function isServices(value: unknown): boolean {
  return Array.isArray(value) &&
    value.every((service) => typeof service?.run === "function" && typeof service.name === "string");
}
