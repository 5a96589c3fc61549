/**
 * Reading a configuration file, with all that is wrong with it.
 *
 * @module
 */
import { dirname } from "node:path";
import { messageOf } from "../http/errors.ts";
import type { RouteMatch } from "../proxy/router.ts";
import { combinationComplaints, isMapping } from "./combinations.ts";
import { fileComplaints, namedFiles } from "./files.ts";
import { complaintsOf } from "./issues.ts";
import { type Complaint, ConfigError, inOrder, type Problem } from "./problem.ts";
import { redirectLoops } from "./redirect_loops.ts";
import { referenceComplaints } from "./references.ts";
import { type Config, configSchema, type RouteConfig } from "./schema.ts";
import { YamlTree } from "./yaml_tree.ts";

/** The largest file, in bytes. */
const MAX_FILE = 4 * 1024 * 1024;

/** A configuration file that can be used. */
export interface LoadedConfig {
  /** The file, as it was named. */
  readonly file: string;
  /** Its folder, which the paths in it start from. */
  readonly folder: string;
  /** What it says. */
  readonly config: Config;
  /** The text that it was read from. */
  readonly text: string;
  /** What is odd about it. */
  readonly warnings: readonly Problem[];
  /** Gives a complaint its line. */
  locate(complaint: Complaint): Problem;
}

/**
 * Reads a configuration file.
 *
 * @throws {ConfigError} that lists everything that is wrong with it
 * @throws {Error} with one line, when it cannot be read
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  return await checkConfig(file, await readConfig(file));
}

/**
 * The text of a configuration file.
 *
 * @throws {Error} with one line
 */
export async function readConfig(file: string): Promise<string> {
  const { state } = await Deno.permissions.query({ name: "read", path: file });
  if (state !== "granted") {
    throw new Error(`Cannot read ${file}: no permission to read it, add --allow-read=${file}`);
  }
  try {
    const { size, isFile } = await Deno.stat(file);
    if (!isFile) throw new Error("it is no file");
    if (size > MAX_FILE) throw new Error(`it has ${size} bytes, at most ${MAX_FILE} are read`);
    // A byte order mark is no part of it.
    return (await Deno.readTextFile(file)).replace(/^\ufeff/, "");
  } catch (error) {
    throw new Error(
      `Cannot read ${file}: ${
        error instanceof Deno.errors.NotFound ? "there is no such file" : messageOf(error)
      }`,
      { cause: error },
    );
  }
}

/**
 * Checks the text of a configuration file.
 *
 * @throws {ConfigError} that lists everything that is wrong with it
 */
export async function checkConfig(file: string, text: string): Promise<LoadedConfig> {
  const tree = new YamlTree(text);
  const folder = dirname(file);
  const { value } = tree;
  const result = value === undefined ? undefined : configSchema.safeParse(value);
  const complaints = result?.success === false ? complaintsOf(result.error.issues, value) : [];
  if (isMapping(value)) {
    complaints.push(
      ...combinationComplaints(value),
      ...referenceComplaints(value, (path) => tree.lineOf(path)),
      ...await fileComplaints(namedFiles(value, folder)),
    );
  }
  if (result?.success) complaints.push(...redirectLoops(result.data, result.data.routes.map(matchOf)));
  const problems = inOrder([...tree.problems, ...complaints.map((complaint) => tree.locate(complaint))]);
  if (!result?.success || problems.some(({ isWarning }) => !isWarning)) throw new ConfigError(file, problems);
  return {
    file,
    folder,
    config: result.data,
    text,
    warnings: problems,
    locate: (complaint) => tree.locate(complaint),
  };
}

/** What a route matches, as the router wants it. */
export function matchOf({ match = {} }: RouteConfig): RouteMatch {
  const { host, path, method, header, listener } = match;
  return {
    ...(host === undefined || host.includes("*") ? {} : { hosts: host }),
    ...(path === undefined ? {} : { path }),
    ...(method === undefined ? {} : { methods: method }),
    ...(header === undefined ? {} : { headers: header }),
    ...(listener === undefined ? {} : { listener }),
  };
}
