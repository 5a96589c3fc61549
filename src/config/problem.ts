/**
 * What is wrong with a configuration, and where.
 *
 * @module
 */
import { nearest } from "../proxy/nearest.ts";

/** The way to a value: keys of mappings and indices of lists. */
export type Path = readonly (string | number)[];

/** One thing that is wrong. */
export interface Problem {
  /** Where in the configuration, such as `routes[0].to`; "" for all of it. */
  readonly path: string;
  /** The line, from 1. */
  readonly line: number;
  /** The column, from 1. */
  readonly column: number;
  /** What was found, such as `found "ap"` or `unknown key`. */
  readonly found: string;
  /** What is allowed: all choices, or a description; "" where that says itself. */
  readonly allowed: readonly string[] | string;
  /** What to do about it, such as `did you mean "api"?`; "" when nothing is known. */
  readonly hint: string;
  /** Whether the configuration can be used all the same. */
  readonly isWarning: boolean;
}

/** A problem that does not know its line yet. */
export interface Complaint {
  /** The way to the value. */
  readonly path: Path;
  /** Whether it is about the key at the end of the way rather than about its value. */
  readonly isKey?: boolean;
  /** See {@linkcode Problem.found}. */
  readonly found: string;
  /** See {@linkcode Problem.allowed}. */
  readonly allowed?: readonly string[] | string;
  /** See {@linkcode Problem.hint}. */
  readonly hint?: string;
  /** See {@linkcode Problem.isWarning}. */
  readonly isWarning?: boolean;
}

/** A configuration that cannot be used. */
export class ConfigError extends Error {
  /** All that is wrong with it. */
  readonly problems: readonly Problem[];

  /** The message has a line for each problem, and one with their number. */
  constructor(file: string, problems: readonly Problem[]) {
    super(problems.map((problem) => problemText(file, problem)).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** A problem as one line: `FILE:LINE:COLUMN: PATH: what was found, what is allowed; what to do`. */
export function problemText(file: string, problem: Problem): string {
  const { path, line, column, found, allowed, hint, isWarning } = problem;
  const where = path === "" ? "" : `${path}: `;
  const choices = typeof allowed === "string" ? allowed && `, expected ${allowed}` : listText(allowed);
  return `${file}:${line}:${column}: ${isWarning ? "warning: " : ""}${where}${found}${choices}${
    hint && `; ${hint}`
  }`;
}

function listText(allowed: readonly string[]): string {
  if (allowed.length === 0) return ", there is none";
  return `, allowed ${allowed.length === 1 ? "is" : "are"} ${allowed.join(", ")}`;
}

/** Problems in the order of the file. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column || (a.path < b.path ? -1 : 1));
}

/** `did you mean "word"?`, or "". */
export function meant(word: unknown, candidates: readonly string[]): string {
  const near = typeof word === "string" ? nearest(word, candidates) : undefined;
  return near === undefined ? "" : `did you mean "${near}"?`;
}

/** A value of the file for a message. */
export function foundText(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "found nothing";
  if (Array.isArray(value)) return "found a list";
  if (typeof value === "object") return "found a mapping";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return `found ${text.length > 60 ? `${text.slice(0, 60)}...` : text}`;
}

const PLAIN_KEY = /^[\w-]+$/;

/** A way as text: `routes[0].match.host`, with quotes around keys that are no plain words. */
export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (PLAIN_KEY.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
