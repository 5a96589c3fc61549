/**
 * Options of the command line whose values have to be read.
 *
 * @module
 */
import type { Audit } from "../sandbox/audit.ts";
import type { SandboxOptions } from "../sandbox/sandboxed_module.ts";
import { UsageError } from "./usage.ts";

/** The options of sandboxed modules, in the form of `parseArgs`. */
export const SANDBOX_OPTIONS = {
  sandbox: { type: "boolean" },
  workers: { type: "string" },
  fail: { type: "string" },
  "hook-timeout": { type: "string" },
  "hook-memory": { type: "string" },
} as const;

/** The values of {@linkcode SANDBOX_OPTIONS}. */
export interface SandboxValues {
  sandbox?: boolean;
  workers?: string;
  fail?: string;
  "hook-timeout"?: string;
  "hook-memory"?: string;
}

/**
 * The settings of a module's workers, or undefined when it is not to be sandboxed.
 *
 * @throws {UsageError} on a value that is not allowed, or on options that need `--sandbox`
 */
export function sandboxOptions(values: SandboxValues, audit: Audit | undefined): SandboxOptions | undefined {
  if (!values.sandbox) {
    const stray = (Object.keys(SANDBOX_OPTIONS) as (keyof SandboxValues)[])
      .find((name) => name !== "sandbox" && values[name] !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray} is for sandboxed modules: add --sandbox`);
    return undefined;
  }
  return {
    workers: whole("--workers", values.workers ?? "1", 1, 64),
    fail: oneOf("--fail", values.fail ?? "closed", ["closed", "open"]),
    timeout: whole("--hook-timeout", values["hook-timeout"] ?? "1000", 10, 600_000),
    memoryLimit: whole("--hook-memory", values["hook-memory"] ?? "128", 32, 65_536) * 1024 * 1024,
    ...(audit === undefined ? {} : { onUsed: (address) => audit.used(address) }),
  };
}

/**
 * The value, if it is one of those allowed.
 *
 * @throws {UsageError} that names them if it is not
 */
export function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) {
    throw new UsageError(`${option} is "${value}", allowed are ${allowed.join(", ")}`);
  }
  return found;
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${option} is "${text}", allowed are whole numbers from ${least} to ${most}`);
}
