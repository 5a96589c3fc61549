/**
 * Changing the path that the upstream gets.
 *
 * @module
 */
import { normalTarget } from "../downstream/target.ts";
import type { Rule } from "./rule.ts";

/** Settings of {@linkcode rewrite}, in the order in which they are applied. */
export interface RewriteOptions {
  /** The whole path, whatever it was. */
  readonly path?: string | undefined;
  /** Taken off the front of the path, at a slash or the end; a path that does not begin with it is left. */
  readonly stripPrefix?: string | undefined;
  /** Replaces the first part of the path that matches; `$1` is the first group. */
  readonly replace?: { readonly pattern: string; readonly with: string } | undefined;
  /** Put in front of the path. */
  readonly addPrefix?: string | undefined;
}

/**
 * Changes the path of the request that the upstream gets; the query stays. Hooks for the client's request and logs see
 * the original. What comes out is in the normal form of {@linkcode normalTarget}; `OPTIONS *` is left as it is.
 *
 * @throws {SyntaxError} when the pattern is no regular expression
 */
export function rewrite({ path, stripPrefix = "", replace, addPrefix = "" }: RewriteOptions): Rule {
  const stripped = stripPrefix.replace(/\/+$/, "");
  const added = addPrefix.replace(/\/+$/, "");
  const pattern = replace && new RegExp(replace.pattern);
  return {
    upstreamRequestFilter(_session, request) {
      const { target } = request;
      if (target === "*") return;
      const mark = target.indexOf("?");
      let changed = path ?? (mark < 0 ? target : target.slice(0, mark));
      if (
        changed.startsWith(stripped) &&
        (changed.length === stripped.length || changed[stripped.length] === "/")
      ) {
        changed = changed.slice(stripped.length) || "/";
      }
      if (pattern !== undefined) changed = changed.replace(pattern, replace!.with);
      changed = added + (changed.startsWith("/") ? changed : `/${changed}`);
      request.target = normalTarget(escaped(changed)) + (mark < 0 ? "" : target.slice(mark));
    },
  };
}

/** What would end a path, or is no part of one, as escapes. */
function escaped(path: string): string {
  // deno-lint-ignore no-control-regex
  return path.replace(/[\x00-\x20?#\x7f]/g, encodeURIComponent);
}
