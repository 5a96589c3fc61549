/**
 * The settings of a module: what they are when it names none, and what they may be.
 *
 * @module
 */
import { ADDRESS_OR_RANGE } from "./address_check.ts";
import { compressionProblems } from "./compression_options.ts";
import { describe, fieldProblems, isCount, isObject, type Rule, type Rules, shown } from "./fields.ts";
import type { ProxyOptions } from "./hooks.ts";

const DEFAULTS: Readonly<Required<ProxyOptions>> = {
  retries: 1,
  totalTimeout: 600_000,
  clientBodyTimeout: 60_000,
  clientWriteTimeout: 300_000,
  maxRequestBody: 0,
  trustedProxies: [],
  allowTrace: false,
  compression: false,
};

const milliseconds: Rule = {
  expected: "a number of milliseconds >= 0, 0 is for ever",
  holds: (value) => Number.isFinite(value) && (value as number) >= 0,
};

const RULES: { readonly [Name in keyof ProxyOptions]-?: Rule } & Rules = {
  retries: { expected: "a whole number >= 0", holds: isCount },
  totalTimeout: milliseconds,
  clientBodyTimeout: milliseconds,
  clientWriteTimeout: milliseconds,
  maxRequestBody: { expected: "a whole number of bytes >= 0, 0 is no limit", holds: isCount },
  trustedProxies: { expected: "a list of IP addresses and CIDR ranges", holds: Array.isArray },
  allowTrace: { expected: "true or false", holds: (value) => typeof value === "boolean" },
  compression: { expected: "true, false or an object", holds: () => true },
};

/** What is wrong with a module's `options`. */
export function optionProblems(options: unknown): string[] {
  if (!isObject(options)) return [`"options" is ${describe(options)}, expected an object`];
  const problems = fieldProblems(options, RULES, (name) => `option "${name}"`);
  const { trustedProxies, compression } = options as ProxyOptions;
  problems.push(...compressionProblems(compression));
  if (!Array.isArray(trustedProxies)) return problems;
  for (const [i, entry] of trustedProxies.entries()) {
    if (ADDRESS_OR_RANGE.holds(entry)) continue;
    problems.push(
      `option "trustedProxies[${i}]" is ${shown(entry)}, expected ${ADDRESS_OR_RANGE.expected}`,
    );
  }
  return problems;
}

/**
 * A module's options with the defaults for those it leaves out or undefined.
 *
 * @throws {RangeError} that names every option that cannot be used
 */
export function optionsOf(given: ProxyOptions = {}): Required<ProxyOptions> {
  const problems = optionProblems(given);
  if (problems.length > 0) throw new RangeError(problems.join("; "));
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...DEFAULTS, ...Object.fromEntries(named) };
}
