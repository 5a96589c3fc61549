/**
 * The files that a configuration names.
 *
 * @module
 */
import { isAbsolute, join } from "node:path";
import { messageOf } from "../http/errors.ts";
import { entriesOf, isMapping, type Mapping, mappingsOf } from "./combinations.ts";
import type { Complaint, Path } from "./problem.ts";

/** A file that is named. */
export interface NamedFile {
  /** Where it is named. */
  readonly path: Path;
  /** The file, from where the command runs. */
  readonly file: string;
  /** What for. */
  readonly why: string;
}

/** A file that is named in a configuration, from where the command runs. */
export function fromFolder(folder: string, file: string): string {
  return isAbsolute(file) ? file : join(folder, file);
}

/** The files to be read that a configuration names; it may be wrong in other ways. */
export function namedFiles(config: Mapping, folder: string): NamedFile[] {
  const found: NamedFile[] = [];
  const add = (why: string, path: Path, file: unknown) => {
    if (typeof file === "string" && file !== "") found.push({ path, file: fromFolder(folder, file), why });
  };
  const addAll = (why: string, path: Path, files: unknown) => {
    if (Array.isArray(files)) files.forEach((file, i) => add(why, [...path, i], file));
    else add(why, path, files);
  };
  const addCas = (path: Path, holder: unknown) => {
    if (isMapping(holder) && isMapping(holder.tls)) {
      addAll("CA", [...path, "tls", "caCerts"], holder.tls.caCerts);
    }
  };
  for (const [i, { tls }] of mappingsOf(config.listeners)) {
    const path = ["listeners", i, "tls"];
    const pairs: [Path, Mapping][] = isMapping(tls)
      ? [[path, tls]]
      : mappingsOf(tls).map(([j, pair]) => [[...path, j], pair]);
    for (const [at, { cert, key }] of pairs) {
      add("certificate", [...at, "cert"], cert);
      add("key", [...at, "key"], key);
    }
  }
  for (const [name, group] of entriesOf(config.groups)) {
    const path = ["groups", name];
    addCas(path, group);
    for (const [i, member] of mappingsOf(group.members)) addCas([...path, "members", i], member);
    const { check, discovery, sticky } = group;
    if (isMapping(check)) addCas([...path, "check", "http"], check.http);
    if (isMapping(discovery) && isMapping(discovery.file)) {
      add("members", [...path, "discovery", "file", "path"], discovery.file.path);
    }
    if (isMapping(sticky)) add("secret", [...path, "sticky", "secretFile"], sticky.secretFile);
  }
  const rules: [Path, Mapping][] = mappingsOf(config.routes).map(([i, route]) => [["routes", i], route]);
  if (isMapping(config.defaults)) rules.push([["defaults"], config.defaults]);
  for (const [path, { basicAuth, jwt, hooks }] of rules) {
    if (isMapping(basicAuth)) add("users", [...path, "basicAuth", "file"], basicAuth.file);
    if (isMapping(jwt)) {
      add("key", [...path, "jwt", "key"], jwt.key);
      if (!isUrl(jwt.jwks)) add("keys", [...path, "jwt", "jwks"], jwt.jwks);
    }
    for (const [i, { module }] of mappingsOf(hooks)) add("hooks", [...path, "hooks", i, "module"], module);
  }
  if (isMapping(config.admin)) add("token", ["admin", "tokenFile"], config.admin.tokenFile);
  return found;
}

/** Whether a text is a URL rather than the path of a file. */
export function isUrl(value: unknown): boolean {
  return typeof value === "string" && /^https?:\/\//.test(value);
}

/** Files that are not there, or may not be read. */
export async function fileComplaints(files: readonly NamedFile[]): Promise<Complaint[]> {
  const found = await Promise.all(files.map(complaintOf));
  return found.filter((complaint) => complaint !== undefined);
}

async function complaintOf({ path, file, why }: NamedFile): Promise<Complaint | undefined> {
  const found = `found ${JSON.stringify(file)}`;
  const { state } = await Deno.permissions.query({ name: "read", path: file });
  if (state !== "granted") {
    return { path, found: `${found}, which may not be read`, hint: `add --allow-read=${file}` };
  }
  try {
    const { isFile } = await Deno.stat(file);
    if (!isFile) return { path, found: `${found}, which is no file`, allowed: "the path of a file" };
    const kind = PEM[why];
    if (kind === undefined || path[0] !== "listeners" && why !== "CA") return undefined;
    const text = await Deno.readTextFile(file);
    return kind.test(text)
      ? undefined
      : { path, found: `${found}, which holds no ${why}`, allowed: "a PEM file" };
  } catch (error) {
    const gone = error instanceof Deno.errors.NotFound;
    return {
      path,
      found: gone ? `${found}, which is not there` : `${found}: ${messageOf(error)}`,
      allowed: "the path of a file, from the folder of the configuration",
    };
  }
}

const PEM: Readonly<Record<string, RegExp>> = {
  certificate: /-----BEGIN CERTIFICATE-----/,
  CA: /-----BEGIN CERTIFICATE-----/,
  key: /-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/,
};
