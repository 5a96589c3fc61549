/**
 * What a module's files import, looked at before any of it is loaded.
 *
 * Deno loads literal local imports and `data:` URLs whatever the permissions of a worker, so that a module could bring
 * in a file from anywhere, or code that nobody has seen. Here it may import its own folder, Postern's own sources and
 * the harmless modules of Node, by literal names, and nothing else.
 *
 * @module
 */
import { messageOf } from "../http/errors.ts";
import { LoadError } from "./hook_worker.ts";

/** Modules of Node that reach nothing but memory. */
const NODE = new Set([
  ...[
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "crypto",
    "events",
    "path",
    "path/posix",
    "punycode",
  ],
  ...["querystring", "stream", "stream/promises", "string_decoder", "url", "util", "util/types", "zlib"],
]);
const CODE = /\.(?:ts|mts|js|mjs)$/;
/** Postern's own sources, which a module may use. They are trusted, and run with no more rights than the module. */
const POSTERN = new URL("../", import.meta.url).href;
/** Its files by plain names; those of the sandbox talk to the proxy and are not for modules. */
const POSTERN_FILE = /^(?!sandbox\/|cli\/)(?:\w+\/)*\w+\.ts$/;

/**
 * Checks a module and everything that it imports.
 *
 * @param url The module's file URL. Its folder, symbolic links resolved, is all that it may import from.
 * @returns the URLs of its files
 * @throws {LoadError} with a line for every import that is refused, naming file, line and column
 */
export async function checkModuleGraph(url: string, name: string): Promise<string[]> {
  // Deno would ask at the terminal.
  for (const path of [url, POSTERN]) {
    if (Deno.permissions.querySync({ name: "read", path: new URL(path) }).state === "granted") continue;
    throw new LoadError(name, [
      `no permission to read ${pathOf(path)}, add --allow-read=${pathOf(new URL("./", path).href)}`,
    ]);
  }
  const problems: string[] = [];
  const folder = new URL("./", await realUrl(url, name)).href;
  if (!CODE.test(new URL(url).pathname)) problems.push("allowed are files named .ts, .mts, .js and .mjs");
  const files = new Set<string>();
  const queue = [url];
  while (queue.length > 0) {
    const file = queue.pop()!;
    if (files.has(file)) continue;
    files.add(file);
    if (!(await realUrl(file, name)).startsWith(folder)) {
      problems.push(`${pathOf(file)}: leads out of the module's folder`);
      continue;
    }
    if (!CODE.test(new URL(file).pathname)) continue;
    for (const { specifier, place } of await importsOf(file, name)) {
      const imported = resolved(specifier, file, [folder, new URL("./", url).href]);
      if (typeof imported === "string") queue.push(imported);
      else if (imported !== undefined) problems.push(`${pathOf(file)}:${place}: ${imported.refused}`);
    }
  }
  if (problems.length > 0) throw new LoadError(name, problems);
  return [...files];
}

/** The URL of a file of the module, undefined for what needs no look, or why it is refused. */
function resolved(
  specifier: string | undefined,
  from: string,
  folders: readonly string[],
): string | undefined | { refused: string } {
  if (specifier === undefined) {
    return { refused: "imports what only running it would tell; allowed are literal names" };
  }
  let target: string;
  try {
    target = /^(?:\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(specifier)
      ? new URL(specifier, from).href
      : import.meta.resolve(specifier);
  } catch {
    return { refused: `imports "${specifier}", which does not lead anywhere` };
  }
  if (target.startsWith("node:") && NODE.has(target.slice("node:".length))) return undefined;
  if (target.startsWith(POSTERN) && POSTERN_FILE.test(target.slice(POSTERN.length))) return undefined;
  if (!folders.some((folder) => target.startsWith(folder))) {
    return {
      refused: `imports "${specifier}"; allowed are files of the module's folder, Postern's own and node: ${
        [...NODE].join(", ")
      }`,
    };
  }
  const { pathname } = new URL(target);
  if (CODE.test(pathname) || pathname.endsWith(".json")) return target;
  return { refused: `imports "${specifier}"; allowed are files named .ts, .mts, .js, .mjs and .json` };
}

/** An import, with the place of it as `line:column`; no specifier when it is not literal. */
interface Import {
  specifier: string | undefined;
  place: string;
}

async function importsOf(file: string, name: string): Promise<Import[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(new URL(file));
  } catch (error) {
    throw new LoadError(name, [`cannot read ${pathOf(file)}: ${messageOf(error)}`]);
  }
  // Loaded here, as only sandboxed modules need it, and it takes a while.
  const { parse } = await import("@babel/parser");
  const isTypeScript = /ts$/.test(new URL(file).pathname);
  try {
    const tree = parse(text, { sourceType: "module", plugins: isTypeScript ? ["typescript"] : [] });
    if (!tree.program.body.some(({ type }) => /^(?:Import|Export)/.test(type))) {
      throw new SyntaxError(
        'it neither imports nor exports anything, so that it may be no ES module: add "export {}"',
      );
    }
    const found: Import[] = [];
    walk(tree.program as unknown as Node, found);
    return found;
  } catch (error) {
    throw new LoadError(name, [`${pathOf(file)}: ${messageOf(error)}`]);
  }
}

/** A node of the syntax tree. */
interface Node {
  type: string;
  loc: { start: { line: number; column: number } };
  [key: string]: unknown;
}

function walk(node: Node, found: Import[]): void {
  const { line, column } = node.loc.start;
  const add = (source: unknown) => {
    const literal = source as Node | null | undefined;
    const specifier = literal?.type === "StringLiteral" ? literal.value as string : undefined;
    found.push({ specifier, place: `${line}:${column + 1}` });
  };
  switch (node.type) {
    case "ImportDeclaration":
      if (node.importKind !== "type") add(node.source);
      return;
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
      if (node.source && node.exportKind !== "type") add(node.source);
      break;
    case "ImportExpression":
      add(node.source);
      break;
    case "Import":
    case "TSImportEqualsDeclaration":
    case "TSExternalModuleReference":
      add(undefined);
  }
  for (const key in node) {
    const child = node[key];
    if (Array.isArray(child)) { for (const one of child) if (isNode(one)) walk(one, found); }
    else if (isNode(child)) walk(child, found);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string" &&
    "loc" in value;
}

async function realUrl(file: string, name: string): Promise<string> {
  try {
    const path = await Deno.realPath(new URL(file));
    return new URL(`file://${encodeURI(path).replaceAll("?", "%3F").replaceAll("#", "%23")}`).href;
  } catch (error) {
    throw new LoadError(name, [`cannot read ${pathOf(file)}: ${messageOf(error)}`]);
  }
}

function pathOf(file: string): string {
  const { pathname } = new URL(file);
  try {
    return decodeURI(pathname);
  } catch {
    return pathname;
  }
}
