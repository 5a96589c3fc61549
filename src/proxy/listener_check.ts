/**
 * Holding the settings of a listener against what they may be.
 *
 * @module
 */
import type { ListenerOptions } from "../downstream/listener_options.ts";
import { ADDRESS_OR_RANGE } from "./address_check.ts";
import { describe, fieldProblems, isCount, isObject, type Rule, type Rules, shown } from "./fields.ts";

const milliseconds: Rule = {
  expected: "a number of milliseconds >= 0, 0 is for ever",
  holds: (value) => Number.isFinite(value) && (value as number) >= 0,
};
const count: Rule = { expected: "a whole number >= 0, 0 is no limit", holds: isCount };
const bytes = (least: number, most: number): Rule => ({
  expected: `a whole number of bytes from ${least} to ${most}`,
  holds: (value) => isCount(value) && (value as number) >= least && (value as number) <= most,
});

const RULES: { readonly [Name in keyof ListenerOptions]-?: Rule } & Rules = {
  front: { expected: '"serve" or "tcp"', holds: (value) => value === "serve" || value === "tcp" },
  tls: { expected: "{ cert, key }, the paths of two PEM files, or a list of such pairs", holds: isTls },
  proxyProtocol: { expected: "a list of IP addresses and CIDR ranges", holds: Array.isArray },
  headTimeout: milliseconds,
  idleTimeout: milliseconds,
  writeTimeout: milliseconds,
  tunnelTimeout: milliseconds,
  minRate: { expected: "a number of bytes a second >= 0", holds: milliseconds.holds },
  maxConnections: count,
  maxConnectionsPerAddress: count,
  maxRequests: count,
  http2: { expected: "true or false", holds: (value) => typeof value === "boolean" },
  maxStreams: count,
  maxRequestLine: bytes(256, 1024 * 1024),
  maxHead: bytes(1024, 1024 * 1024),
  maxFields: { expected: "a whole number >= 1", holds: (value) => isCount(value) && value !== 0 },
  maxDiscard: bytes(0, Number.MAX_SAFE_INTEGER),
};

/** What is wrong with the settings of a listener. */
export function listenerProblems(listener: unknown): string[] {
  if (!isObject(listener)) return [`"listener" is ${describe(listener)}, expected an object`];
  const problems = fieldProblems(listener, RULES, (name) => `listener "${name}"`);
  const { front, proxyProtocol, ...rest } = listener as ListenerOptions;
  if (Array.isArray(proxyProtocol)) {
    for (const [i, entry] of proxyProtocol.entries()) {
      if (ADDRESS_OR_RANGE.holds(entry)) continue;
      problems.push(
        `listener "proxyProtocol[${i}]" is ${shown(entry)}, expected ${ADDRESS_OR_RANGE.expected}`,
      );
    }
  }
  if (problems.length > 0 || front === "tcp") return problems;
  const stray = Object.entries({ ...rest, proxyProtocol }).filter(([, value]) => value !== undefined);
  return stray.map(([name]) => `listener "${name}" is for the front "tcp", this one is "serve"`);
}

/**
 * The settings in use: a module's own, with those of whoever starts it in their place.
 *
 * @throws {RangeError} that names every setting that cannot be used
 */
export function listenerOf(own: ListenerOptions = {}, instead: ListenerOptions = {}): ListenerOptions {
  const given = Object.entries(instead).filter(([, value]) => value !== undefined);
  const listener = { ...own, ...Object.fromEntries(given) };
  const problems = listenerProblems(listener);
  if (problems.length > 0) throw new RangeError(problems.join("; "));
  return listener;
}

function isTls(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 && value.every(isPair) : isPair(value);
}

function isPair(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { cert, key, ...rest } = value as Record<string, unknown>;
  return typeof cert === "string" && typeof key === "string" && Object.keys(rest).length === 0;
}
