/**
 * Command lines of the programs: what is measured, how long and how often.
 *
 * @module
 */
import { messageOf, note } from "./cleanup.ts";

/** What has a name to choose it by. */
export interface Named {
  /** As on the command line. */
  name: string;
}

/** What a comparison of peers in several cases is asked for. */
export interface Comparison<P, C> {
  /** How long each peer is measured. */
  seconds: number;
  /** How often, one after the other. */
  rounds: number;
  /** Those to measure. */
  peers: P[];
  /** The cases to measure them in. */
  cases: C[];
}

/** Reads the command line. One that cannot be carried out ends the program with code 2 and a line that says why. */
export function asked<T>(read: (args: string[]) => T): T {
  try {
    return read([...Deno.args]);
  } catch (error) {
    note(`error: ${messageOf(error)}`);
    Deno.exit(2);
  }
}

/** The options of a comparison, in the form of `parseArgs`. */
export const COMPARISON_OPTIONS = {
  seconds: { type: "string", default: "10" },
  rounds: { type: "string", default: "1" },
  only: { type: "string" },
  case: { type: "string" },
} as const;

/** The values of {@linkcode COMPARISON_OPTIONS}. */
export interface ComparisonValues {
  seconds: string;
  rounds: string;
  only?: string;
  case?: string;
}

/**
 * What they ask for.
 *
 * @throws {RangeError} when a value is not allowed
 */
export function comparison<P extends Named, C extends Named>(
  values: ComparisonValues,
  allPeers: readonly P[],
  allCases: readonly C[],
): Comparison<P, C> {
  return {
    seconds: whole("--seconds", values.seconds, 600),
    rounds: whole("--rounds", values.rounds, 100),
    peers: chosen("--only", values.only, allPeers),
    cases: chosen("--case", values.case, allCases),
  };
}

/**
 * The number that an option has as its value.
 *
 * @throws {RangeError} when it is not a whole number from 1 to `most`
 */
export function whole(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(`${option} is "${text}", allowed are 1 to ${most}`);
}

/**
 * Those that an option names, in their own order; all, when it is not given.
 *
 * @throws {RangeError} when it names one that there is not
 */
export function chosen<T extends Named>(option: string, value: string | undefined, all: readonly T[]): T[] {
  if (value === undefined) return [...all];
  const names = value.split(",");
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new RangeError(`${option} names "${unknown}", known are ${all.map(({ name }) => name).join(", ")}`);
  }
  return all.filter(({ name }) => names.includes(name));
}
