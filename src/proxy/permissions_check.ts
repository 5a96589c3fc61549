/**
 * Making sure that what a module asks for beyond the network can be granted by flags, as it is written.
 *
 * @module
 */
import { describe, fieldProblems, isObject, type Rule, type Rules } from "./fields.ts";
import type { ModulePermissions } from "./hooks.ts";

// deno-lint-ignore no-control-regex
const TEXT = /^[^,\x00-\x1f\x7f]+$/;

/** Commas part the values of a flag, and a flag without any value grants everything. */
const list: Rule = {
  expected: "a list of texts, none of them empty or with a comma or control character",
  holds: (value) => Array.isArray(value) && value.every((one) => typeof one === "string" && TEXT.test(one)),
};

const RULES: { readonly [Name in keyof ModulePermissions]-?: Rule } & Rules = {
  read: list,
  write: list,
  env: list,
  run: list,
  sys: list,
  ffi: list,
};

/** What is wrong with a module's `permissions`. */
export function permissionProblems(permissions: unknown): string[] {
  if (!isObject(permissions)) return [`"permissions" is ${describe(permissions)}, expected an object`];
  return fieldProblems(permissions, RULES, (name) => `permission "${name}"`);
}
