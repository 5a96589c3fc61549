/**
 * Making sure that a module is one, before it gets a request.
 *
 * @module
 */
import { parseAddress } from "../upstream/address.ts";
import type { Peer } from "../upstream/peer.ts";
import { DECLARATIONS, HOOKS, type ProxyModule, type UpstreamGroup } from "./hooks.ts";

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
const OPTIONS = [
  "retries",
  "totalTimeout",
  "clientBodyTimeout",
  "maxRequestBody",
  "trustedProxies",
  "allowTrace",
];

/**
 * The exports of a module, checked. Exports of other names are the module's own affair, unless they look misspelt.
 *
 * @param name Names the module in problems.
 * @throws {ModuleError} that lists every problem
 */
export function checkModule(name: string, exports: Record<string, unknown>): ProxyModule {
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
  const { listen, net, upstreams, options, backgroundServices } = exports;
  const isList = (value: unknown) =>
    Array.isArray(value) && value.every((entry) => typeof entry === "string");
  if (typeof listen === "string") problems.push(...addressProblems("listen", listen));
  else if (listen !== undefined) problems.push(`"listen" is ${describe(listen)}, expected "host:port"`);
  if (net !== undefined && !isList(net)) {
    problems.push(`"net" is ${describe(net)}, expected a list of "host:port"`);
  }
  if (upstreams !== undefined && !Array.isArray(upstreams) && !isGroup(upstreams)) {
    problems.push(`"upstreams" is ${describe(upstreams)}, expected a list of peers or a LoadBalancer`);
  } else if (upstreams !== undefined) {
    const peers = (Array.isArray(upstreams) ? upstreams : (upstreams as UpstreamGroup).peers) as Peer[];
    for (const [i, peer] of peers.entries()) {
      problems.push(...addressProblems(`upstreams[${i}]`, peer?.address));
    }
  }
  if (backgroundServices !== undefined && !isServices(backgroundServices)) {
    problems.push(
      `"backgroundServices" is ${describe(backgroundServices)}, expected a list of { name, run(signal) }`,
    );
  }
  if (options !== undefined) problems.push(...optionProblems(options));
  if (exports.upstreamPeer === undefined && exports.requestFilter === undefined) {
    problems.push(
      'it exports neither "upstreamPeer" nor "requestFilter", one of which has to answer requests',
    );
  }
  if (problems.length > 0) throw new ModuleError(name, problems);
  return exports as ProxyModule;
}

/** The hooks that a module has, in the order of the phases. */
export function hooksOf(module: ProxyModule): string[] {
  return HOOKS.filter((hook) => module[hook] !== undefined);
}

function optionProblems(options: unknown): string[] {
  if (typeof options !== "object" || options === null) {
    return [`"options" is ${describe(options)}, expected an object`];
  }
  return Object.keys(options).filter((key) => !OPTIONS.includes(key)).map((key) => {
    const near = nearest(key, OPTIONS);
    return `unknown option "${key}", ${near ? `did you mean "${near}"?` : `known are ${OPTIONS.join(", ")}`}`;
  });
}

function addressProblems(where: string, address: unknown): string[] {
  try {
    parseAddress(String(address));
    return [];
  } catch (error) {
    return [`"${where}": ${(error as Error).message}`];
  }
}

function isGroup(value: unknown): boolean {
  return typeof value === "object" && value !== null && "peers" in value && "replace" in value;
}

function isServices(value: unknown): boolean {
  return Array.isArray(value) &&
    value.every((service) => typeof service?.run === "function" && typeof service.name === "string");
}

function describe(value: unknown): string {
  return Array.isArray(value)
    ? "a list"
    : value === null
    ? "null"
    : `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
}

/** The candidate that `word` is a misspelling of: the same but for case and underscores, or at most two letters off. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string) => text.replaceAll(/[_-]/g, "").toLowerCase();
  let best: string | undefined;
  let bestDistance = word.length < 5 ? 2 : 3;
  for (const candidate of candidates) {
    const d = distance(plain(word), plain(candidate));
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best;
}

/** How many letters have to be changed, added, left out or swapped with their neighbour. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let d = Math.min(rows[i - 1]![j - 1]! + same, rows[i - 1]![j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) d = Math.min(d, rows[i - 2]![j - 2]! + 1);
      row.push(d);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
