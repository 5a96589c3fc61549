/**
 * Peers: the upstream servers that hooks choose from, and how to talk to each.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { type Address, formatAddress, parseAddress } from "./address.ts";

/** How long to wait for an upstream, in milliseconds; 0 means for ever. */
export interface PeerTimeouts {
  /** The TCP (or Unix socket) connection stands. @default {5_000} */
  connect: number;
  /** The TLS handshake is done. @default {5_000} */
  tls: number;
  /** The response's head is there, counted from the last byte of the request that went out. @default {60_000} */
  firstByte: number;
  /** Silence between two pieces of the response's body; not heeded in `text/event-stream`. @default {60_000} */
  readIdle: number;
  /** One piece of the request is taken by the upstream. @default {60_000} */
  write: number;
  /** An unused connection stays in the pool. 0 keeps none. @default {60_000} */
  poolIdle: number;
}

/** TLS to an upstream. The certificate chain is always verified. */
export interface PeerTls {
  /** The name sent as SNI and looked for in the certificate. @default the host of the address */
  serverName?: string;
  /** PEM certificates to trust beside the system's. */
  caCerts?: string[];
  /** `false` accepts a trusted certificate made out to any name; said at start-up and at the first use. @default {true} */
  verifyName?: boolean;
}

/**
 * An upstream server. Plain data, so that it can come from a hook in another thread; it is frozen at its first use.
 *
 * @example
 * ```ts
 * import type { Peer } from "./peer.ts";
 * const peer: Peer = { address: "1.1.1.1:443", tls: { serverName: "one.one.one.one" } };
 * ```
 */
export interface Peer {
  /** `host:port`, `[v6]:port` or `unix:/path`. */
  address: string;
  /** Speak TLS; without it, plain text. */
  tls?: PeerTls;
  /** Differences from the default time-outs. */
  timeouts?: Partial<PeerTimeouts>;
  /** Connections kept when unused. @default {128} */
  maxIdle?: number;
  /** Peers of different groups never share a connection. */
  group?: string;
  /**
   * Tell the upstream by a PROXY protocol header of this version where the client is. A connection then carries the
   * requests of one client only, and is kept for no other: there is a new one for every request. @default none
   */
  proxyProtocol?: 1 | 2;
  /**
   * The version of HTTP spoken. `"http2"` is required of the upstream: over TLS it has to agree by ALPN, in plain text
   * it has to know beforehand; what would switch protocols, such as WebSocket, is then sent as a plain request. `"auto"`
   * leaves it to the upstream over TLS, and is HTTP/1.1 in plain text and for what would switch protocols. By HTTP/2, all
   * requests share a connection, as many as the upstream takes at once, with their trailers, as gRPC needs it.
   * Health checks by HTTP speak HTTP/1.1. @default {"http1"}
   */
  protocol?: PeerProtocol;
}

/** The version of HTTP that a peer is spoken to in. */
export type PeerProtocol = "http1" | "http2" | "auto";

/** The time-outs of a peer that names none. */
export const DEFAULT_TIMEOUTS: Readonly<PeerTimeouts> = {
  connect: 5_000,
  tls: 5_000,
  firstByte: 60_000,
  readIdle: 60_000,
  write: 60_000,
  poolIdle: 60_000,
};

/** A peer made ready for use: parsed, checked, with its place in the connection pool. */
export interface Target {
  /** The peer as the hook gave it. */
  readonly peer: Peer;
  /** The address, parsed. */
  readonly address: Address;
  /** The address as text, for the log. */
  readonly label: string;
  /** Who may share a connection: every field that changes where it leads or how it is secured. */
  readonly key: string;
  /** Present when the peer speaks TLS. */
  readonly tls: { serverName: string; caCerts: string[]; verifyName: boolean } | undefined;
  /** The version of the PROXY protocol header that a connection begins with, if any. */
  readonly proxyProtocol: 1 | 2 | undefined;
  /** The version of HTTP spoken; `auto` only over TLS. */
  readonly protocol: PeerProtocol;
  /** All time-outs, 0 replaced by Infinity except `poolIdle`. */
  readonly timeouts: Readonly<PeerTimeouts>;
  /** Connections kept when unused. */
  readonly maxIdle: number;
}

/** The longest that a timer can wait, in milliseconds; beyond, it goes off at once. */
export const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** Warnings remembered, so that a hook that makes up names does not fill the memory. */
const MAX_WARNED = 1_000;
const warned = new Set<string>();
const used = new WeakMap<Peer, Target>();
const prepared = new WeakMap<Peer, Target>();

/**
 * The target of a peer that is about to be used, made once per peer object. Says in the log, once, that the peer's
 * name is not verified.
 *
 * @throws {RangeError} when the address or a setting cannot be used
 */
export function targetOf(peer: Peer): Target {
  const known = used.get(peer);
  if (known !== undefined) return known;
  const target = prepared.get(peer) ?? makeTarget(peer);
  used.set(peer, target);
  if (target.tls?.verifyName === false && !warned.has(target.key)) {
    if (warned.size >= MAX_WARNED) warned.clear();
    warned.add(target.key);
    getLogger("postern").warn(`upstream ${target.label}: the name in its certificate is not verified`);
  }
  return target;
}

/**
 * The target of a peer for later: nothing is logged, as a module that is loading has no log yet, and as the peer may
 * never be used.
 *
 * @throws {RangeError} when the address or a setting cannot be used
 */
export function prepare(peer: Peer): Target {
  let target = used.get(peer) ?? prepared.get(peer);
  if (target === undefined) prepared.set(peer, target = makeTarget(peer));
  return target;
}

function makeTarget(peer: Peer): Target {
  const address = parseAddress(peer.address);
  const tls = peer.tls && tlsOf(peer.tls, address);
  const protocol = protocolOf(peer);
  const target: Target = {
    peer,
    address,
    label: formatAddress(address),
    key: JSON.stringify([
      peer.address,
      tls ?? null,
      peer.group ?? null,
      peer.proxyProtocol ?? null,
      protocol,
    ]),
    tls,
    proxyProtocol: proxyProtocolOf(peer),
    protocol,
    timeouts: timeoutsOf(peer.timeouts),
    maxIdle: peer.proxyProtocol === undefined ? maxIdleOf(peer) : 0,
  };
  Object.freeze(peer);
  for (const part of [peer.tls, peer.tls?.caCerts, peer.timeouts]) if (part) Object.freeze(part);
  return target;
}

function tlsOf(tls: PeerTls, address: Address): NonNullable<Target["tls"]> {
  const serverName = tls.serverName ?? (address.transport === "tcp" ? address.hostname : "");
  if (serverName === "") {
    throw new RangeError(`Cannot speak TLS to "${formatAddress(address)}": "tls.serverName" is empty`);
  }
  return { serverName, caCerts: tls.caCerts ?? [], verifyName: tls.verifyName !== false };
}

function timeoutsOf(given: Partial<PeerTimeouts> = {}): PeerTimeouts {
  const all = { ...DEFAULT_TIMEOUTS };
  for (const name of Object.keys(all) as (keyof PeerTimeouts)[]) {
    const value = given[name];
    if (value === undefined) continue;
    if (!isTimeout(value)) {
      throw new RangeError(
        `Cannot use time-out "${name}": expected milliseconds from 0 to ${LONGEST_TIMEOUT}, found ${value}`,
      );
    }
    all[name] = value === 0 && name !== "poolIdle" ? Infinity : value;
  }
  return all;
}

/** Whether a value can be a time-out. */
export function isTimeout(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= LONGEST_TIMEOUT;
}

function proxyProtocolOf({ proxyProtocol }: Peer): 1 | 2 | undefined {
  if (proxyProtocol === undefined || proxyProtocol === 1 || proxyProtocol === 2) return proxyProtocol;
  throw new RangeError(`Cannot use "proxyProtocol": expected 1 or 2, found ${proxyProtocol}`);
}

function protocolOf({ protocol = "http1", tls }: Peer): PeerProtocol {
  if (protocol === "auto") return tls === undefined ? "http1" : "auto";
  if (protocol === "http1" || protocol === "http2") return protocol;
  throw new RangeError(`Cannot use "protocol": expected "http1", "http2" or "auto", found ${protocol}`);
}

function maxIdleOf({ maxIdle = 128 }: Peer): number {
  if (Number.isSafeInteger(maxIdle) && maxIdle >= 0) return maxIdle;
  throw new RangeError(`Cannot use "maxIdle": expected a whole number >= 0, found ${maxIdle}`);
}
