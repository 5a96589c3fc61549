/**
 * Making sure that a peer which a module declares is one, and has no setting that would be passed over.
 *
 * @module
 */
import { DEFAULT_TIMEOUTS, isTimeout, LONGEST_TIMEOUT, type Peer, type PeerTls } from "../upstream/peer.ts";
import { ADDRESS } from "./address_check.ts";
import { fieldProblems, isCount, isObject, type Rule, type Rules, shown } from "./fields.ts";

const object: Rule = { expected: "an object", holds: isObject };
const text: Rule = { expected: "a string", holds: (value) => typeof value === "string" };

const PEER: { readonly [Name in keyof Peer]-?: Rule } & Rules = {
  address: ADDRESS,
  tls: object,
  timeouts: object,
  maxIdle: { expected: "a whole number >= 0", holds: isCount },
  group: text,
  proxyProtocol: { expected: "1 or 2", holds: (value) => value === 1 || value === 2 },
  protocol: {
    expected: '"http1", "http2" or "auto"',
    holds: (value) => value === "http1" || value === "http2" || value === "auto",
  },
};

const TLS: { readonly [Name in keyof PeerTls]-?: Rule } & Rules = {
  serverName: { expected: "a name", holds: (value) => typeof value === "string" && value !== "" },
  caCerts: {
    expected: "a list of PEM texts",
    holds: (value) => Array.isArray(value) && value.every(text.holds),
  },
  verifyName: { expected: "true or false", holds: (value) => typeof value === "boolean" },
};

const milliseconds: Rule = {
  expected: `a number of milliseconds from 0 to ${LONGEST_TIMEOUT}, 0 is for ever`,
  holds: isTimeout,
};

const TIMEOUTS: Rules = {
  ...Object.fromEntries(Object.keys(DEFAULT_TIMEOUTS).map((name) => [name, milliseconds])),
  poolIdle: { ...milliseconds, expected: `a number of milliseconds from 0 to ${LONGEST_TIMEOUT}` },
};

/**
 * What is wrong with a peer.
 *
 * @param where Names the peer in problems.
 */
export function peerProblems(where: string, peer: unknown): string[] {
  if (!isObject(peer)) {
    return [`"${where}" is ${shown(peer)}, expected an object such as { address: "10.0.0.1:80" }`];
  }
  const { address, tls, timeouts } = peer as Partial<Record<keyof Peer, unknown>>;
  const problems = address === undefined ? [`"${where}" has no "address", expected ${ADDRESS.expected}`] : [];
  for (
    const [place, part, rules] of [
      [where, peer, PEER],
      [`${where}.tls`, tls, TLS],
      [`${where}.timeouts`, timeouts, TIMEOUTS],
    ] as const
  ) {
    if (isObject(part)) problems.push(...fieldProblems(part, rules, (name) => `setting "${place}.${name}"`));
  }
  return problems;
}
