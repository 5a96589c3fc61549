/**
 * The permissions of this process, held against what is needed.
 *
 * @module
 */
import type { Need } from "./needs.ts";
import { type Kind, KINDS, valuesOf } from "./needs.ts";
import { flagsOf, quoted } from "./print.ts";

/** The needs that are not granted. Deno cannot be asked about ranges and patterns; those are left out. */
export function missing(needs: readonly Need[]): Need[] {
  return needs.filter(({ kind, value }) => !(kind === "net" && isPattern(value)) && !isGranted(kind, value));
}

/** What the person who started the process is to know of needs that are not granted; undefined when all are. */
export function missingText(needs: readonly Need[]): string | undefined {
  const all = missing(needs);
  if (all.length === 0) return undefined;
  const named = new Set(all.map(({ kind, value }) => kind === "net" ? value : `${kind} of ${value}`));
  return `no permission for ${[...named].join(", ")}: run with ${flagsOf(needs).map(quoted).join(" ")}`;
}

/** What nobody needs unless it is named: Deno tells of a list only whether something is in it. */
const TRIED: Partial<Record<Kind, readonly string[]>> = {
  net: ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]", "169.254.169.254"],
  read: ["/", "/etc", "/home", "/root", "/tmp", "/usr", "/var", "/proc", "."],
  write: ["/", "/etc", "/home", "/root", "/tmp", "/usr", "/var", "."],
  env: ["HOME", "PATH", "USER", "SHELL", "PWD"],
  run: ["sh", "bash", "deno", "node", "python3", "curl"],
  sys: [
    "hostname",
    "osRelease",
    "osUptime",
    "loadavg",
    "networkInterfaces",
    "systemMemoryInfo",
    "uid",
    "gid",
  ],
};

/**
 * Flags that grant more than is needed: kinds that were granted as a whole, and what was tried.
 *
 * A list cannot be looked into on this runtime, so that an entry too many is found only where it is one of a few dozen
 * that are tried: whole hosts, folders, and names that a list should not have by chance.
 */
export function wider(needs: readonly Need[]): string[] {
  const whole = KINDS.filter((kind) => isGranted(kind));
  if (whole.length === KINDS.length) return ["--allow-all"];
  const found = whole.map((kind) => `--allow-${kind}`);
  for (const kind of KINDS) {
    if (whole.includes(kind)) continue;
    const needed = valuesOf(needs, kind);
    const hosts = kind === "net" ? needed.map(hostOf) : [];
    for (const value of new Set([...TRIED[kind] ?? [], ...hosts])) {
      if (!needed.some((need) => covers(kind, need, value)) && isGranted(kind, value)) {
        found.push(`--allow-${kind}=${value}`);
      }
    }
  }
  return found;
}

/** Whether a need by itself takes that much. */
function covers(kind: Kind, need: string, value: string): boolean {
  if (need === value) return true;
  if (kind === "net") return isPattern(need);
  return (kind === "read" || kind === "write") && need === ".";
}

function hostOf(need: string): string {
  return need.startsWith("unix:") || isPattern(need) ? need : need.replace(/:\d+$/, "");
}

function isPattern(value: string): boolean {
  return !value.startsWith("unix:") && /[/*]/.test(value);
}

function isGranted(kind: Kind, value?: string): boolean {
  const descriptor = { name: kind, ...(value === undefined ? {} : { [FIELD[kind]]: value }) };
  return Deno.permissions.querySync(descriptor as Deno.PermissionDescriptor).state === "granted";
}

const FIELD: Record<Kind, string> = {
  net: "host",
  read: "path",
  write: "path",
  env: "variable",
  run: "command",
  sys: "kind",
  ffi: "path",
  import: "host",
};
