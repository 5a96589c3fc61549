/**
 * Holding the fields of a plain object against rules, so that a slip is told at start-up and not by what it does later.
 *
 * @module
 */
import { nearest } from "./nearest.ts";

/** What a field may hold. */
export interface Rule {
  /** In words, after "expected". */
  readonly expected: string;
  /** Whether a value will do. */
  readonly holds: (value: unknown) => boolean;
}

/** The fields that are known. */
export type Rules = Readonly<Record<string, Rule>>;

/**
 * What is wrong with an object's fields: names that are not known and values that will not do. A field that is
 * undefined counts as left out.
 *
 * @param naming Names a field in a problem.
 */
export function fieldProblems(object: object, rules: Rules, naming: (field: string) => string): string[] {
  const problems: string[] = [];
  for (const [field, value] of Object.entries(object)) {
    const rule = Object.hasOwn(rules, field) ? rules[field] : undefined;
    if (rule === undefined) {
      const known = Object.keys(rules);
      const near = nearest(field, known);
      const hint = near ? `did you mean "${near}"?` : `known are ${known.join(", ")}`;
      problems.push(`unknown ${naming(field)}, ${hint}`);
    } else if (value !== undefined && !rule.holds(value)) {
      problems.push(`${naming(field)} is ${shown(value)}, expected ${rule.expected}`);
    }
  }
  return problems;
}

/** Whether a value has fields at all. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a whole number from 0 on. */
export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A value for a message: itself where it is short, its kind where not. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (["number", "boolean", "bigint", "undefined"].includes(typeof value)) return String(value);
  return describe(value);
}

/** The kind of a value, for a message. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "null";
  return `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
}
