/**
 * Holding the settings of a listener against what they may be.
 *
 * @module
 */
import { type ListenerOptions, tlsPairs } from "../downstream/listener_options.ts";
import { parseAddress } from "../upstream/address.ts";
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
  reusePort: { expected: "true or false", holds: (value) => typeof value === "boolean" },
  front: { expected: '"serve" or "tcp"', holds: (value) => value === "serve" || value === "tcp" },
  tls: { expected: "{ cert, key }, the paths of two PEM files, or a list of such pairs", holds: isTls },
  relayPorts: { expected: "a list of ports from 0 to 65535, each once", holds: isPortList },
  hsts: {
    expected: "{ maxAge }, a whole number of seconds, with includeSubDomains and preload true or false",
    holds: isHsts,
  },
  redirectHttp: { expected: 'an address such as "0.0.0.0:80"', holds: isTcpAddress },
  redirectPort: { expected: "a port from 1 to 65535", holds: (value) => isPort(value) && value !== 0 },
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
  maxMessage: bytes(1024, 1024 * 1024 * 1024),
};

const OF_TLS: readonly string[] = ["relayPorts", "hsts", "redirectHttp", "redirectPort"];
const OF_BOTH: readonly string[] = [
  "front",
  "tls",
  "hsts",
  "redirectHttp",
  "redirectPort",
  "tunnelTimeout",
  "reusePort",
];
const OF_SERVE: readonly string[] = ["relayPorts", "maxMessage"];

/** What is wrong with the settings of a listener. */
export function listenerProblems(listener: unknown): string[] {
  if (!isObject(listener)) return [`"listener" is ${describe(listener)}, expected an object`];
  const problems = fieldProblems(listener, RULES, (name) => `listener "${name}"`);
  const { proxyProtocol } = listener as ListenerOptions;
  if (Array.isArray(proxyProtocol)) {
    for (const [i, entry] of proxyProtocol.entries()) {
      if (ADDRESS_OR_RANGE.holds(entry)) continue;
      problems.push(
        `listener "proxyProtocol[${i}]" is ${shown(entry)}, expected ${ADDRESS_OR_RANGE.expected}`,
      );
    }
  }
  return problems.length > 0 ? problems : misfits(listener as ListenerOptions);
}

/** What does not go together. */
function misfits(listener: ListenerOptions): string[] {
  const { front = "serve", tls, relayPorts } = listener;
  const given = Object.keys(RULES).filter((name) => listener[name as keyof ListenerOptions] !== undefined);
  const problems: string[] = [];
  for (const name of given) {
    const its = OF_BOTH.includes(name) ? front : OF_SERVE.includes(name) ? "serve" : "tcp";
    if (its !== front) problems.push(`listener "${name}" is for the front "${its}", this one is "${front}"`);
    else if (tls === undefined && OF_TLS.includes(name)) {
      problems.push(`listener "${name}" is for TLS, but there is no "tls"`);
    }
  }
  const { length } = tlsPairs(listener);
  if (front === "serve" && length > 1 && relayPorts === undefined) {
    problems.push(`listener "tls" has ${length} pairs, for which the front "serve" needs "relayPorts"`);
  }
  if (relayPorts !== undefined && relayPorts.length < length && !relayPorts.includes(0)) {
    problems.push(`listener "relayPorts" has ${relayPorts.length} ports, for ${length} pairs in "tls"`);
  }
  return problems;
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

function isPort(value: unknown): boolean {
  return isCount(value) && (value as number) <= 65535;
}

function isPortList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isPort) &&
    new Set(value).size === value.length;
}

function isHsts(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { maxAge, includeSubDomains = false, preload = false, ...rest } = value as Record<string, unknown>;
  return isCount(maxAge) && typeof includeSubDomains === "boolean" && typeof preload === "boolean" &&
    Object.keys(rest).length === 0;
}

function isTcpAddress(value: unknown): boolean {
  try {
    return parseAddress(value as string).transport === "tcp";
  } catch {
    return false;
  }
}
