/**
 * Getting the module that a command is about.
 *
 * @module
 */
import { checkModule } from "../proxy/module.ts";
import { nearest } from "../proxy/nearest.ts";
import type { ProxyModule } from "../proxy/hooks.ts";
import { importFile } from "./import_file.ts";
import { UsageError } from "./usage.ts";

/** The modules that are part of the program, by name. */
export type Samples = Readonly<Record<string, Record<string, unknown>>>;

/** A scheme such as `https:` or `npm:`; a single letter is a drive of Windows. */
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]+:/;

/**
 * Loads a sample by name, or a module on disk by path.
 *
 * @param isPart Whether others answer the requests, so that it needs no hook that does.
 * @throws {UsageError} when there is no such sample, or the module is not on disk
 * @throws {Error} with one line, when the file cannot be loaded
 * @throws {ModuleError} when what it exports is wrong
 */
export async function loadModule(name: string, samples: Samples, isPart = false): Promise<ProxyModule> {
  if (Object.hasOwn(samples, name)) return checkModule(name, samples[name]!);
  refuseUnknown(name, samples);
  return checkModule(name, await importFile(name), isPart);
}

/**
 * Refuses what is neither a sample nor the path of a file.
 *
 * @throws {UsageError} that says what is allowed
 */
export function refuseUnknown(name: string, samples: Samples): void {
  if (SCHEME.test(name)) {
    throw new UsageError(`Cannot load ${name}: only samples and files on disk can be loaded, not URLs`);
  }
  if (!/[./\\]/.test(name)) {
    const near = nearest(name, Object.keys(samples));
    const known = near ? `did you mean "${near}"?` : `known are ${Object.keys(samples).join(", ")}`;
    throw new UsageError(
      `unknown sample "${name}", ${known} (a module on disk is given as a path: ./${name}.ts)`,
    );
  }
}
