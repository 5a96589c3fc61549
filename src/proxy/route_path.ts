/**
 * Paths of routes as users write them: `/exact`, `/below/*` and `/users/:id`.
 *
 * @module
 */
import { normalTarget } from "../downstream/target.ts";

/** The path of a route, read. */
export interface RoutePath {
  /** How it is matched. */
  readonly kind: "exact" | "prefix" | "pattern";
  /** What it is looked up by: the whole path, the prefix without its last slash, or the segments ahead of a parameter. */
  readonly key: string;
  /** How many of its characters are letters to be met, rather than stand for something. */
  readonly literal: number;
  /** What the whole path has to match; for patterns. */
  readonly regexp: RegExp | undefined;
}

/** What is said of a path that cannot be used. */
export const ROUTE_PATH_FORMS =
  '"/exact", "/prefix/*" (itself and all below), or "/users/:id" where :id stands for one segment';

/**
 * Reads the path of a route. It is held against the normal form of a request's path, and so has to be in that form.
 *
 * - `/a/b`: that path and no other; a slash at the end makes another path of it.
 * - `/a/*`: `/a`, `/a/` and all below; `/*` is every path.
 * - `/users/:id`, `/users/:id/posts/*`: a segment that is, or holds, one parameter, which stands for one character or more
 *   that are no slash. This is the part of URLPattern's syntax that can be matched in linear time.
 *
 * @throws {RangeError} that names the path and the forms allowed
 */
export function routePath(text: string): RoutePath {
  const refuse = (why: string): never => {
    throw new RangeError(`Cannot use path ${JSON.stringify(text)}: ${why}`);
  };
  if (!text.startsWith("/")) refuse(`allowed are ${ROUTE_PATH_FORMS}`);
  if (text.includes("?")) refuse("the query is no part of a path");
  const open = text.endsWith("/*");
  const fixed = open ? text.slice(0, -2) : text;
  if (/[*(){}]/.test(fixed)) refuse(`allowed are ${ROUTE_PATH_FORMS}`);
  const normal = normalOf(fixed, refuse);
  if (normal !== fixed) refuse(`requests have it as ${JSON.stringify(open ? `${normal}/*` : normal)}`);
  if (!fixed.includes("/:") && !PARAMETER.test(fixed)) {
    return {
      kind: open ? "prefix" : "exact",
      key: fixed,
      literal: fixed.length + (open ? 1 : 0),
      regexp: undefined,
    };
  }
  const segments = fixed.split("/");
  if (segments.some((segment) => segment.split(":").length > 2)) {
    refuse("a segment holds two parameters");
  }
  if (segments.some((segment) => segment.includes(":") && !PARAMETER.test(segment))) {
    refuse("a parameter is a colon and a name, such as :id");
  }
  const first = segments.findIndex((segment) => segment.includes(":"));
  const source = segments
    .map((segment) => segment.split(PARAMETER).map(escapeRegExp).join("[^/]+"))
    .join("/");
  return {
    kind: "pattern",
    key: segments.slice(0, first).join("/"),
    literal: fixed.replaceAll(EVERY_PARAMETER, "").length + (open ? 1 : 0),
    regexp: new RegExp(`^${source}${open ? "(?:/.*)?" : ""}$`),
  };
}

const PARAMETER = /:[A-Za-z_]\w*/;
const EVERY_PARAMETER = /:[A-Za-z_]\w*/g;

function normalOf(path: string, refuse: (why: string) => never): string {
  if (path === "") return "";
  try {
    return normalTarget(path);
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
