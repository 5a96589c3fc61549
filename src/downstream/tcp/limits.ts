/**
 * The limits of the own server.
 *
 * @module
 */
import type { ListenerOptions } from "../listener_options.ts";

/** The settings that are limits. */
export type TcpLimits = Readonly<Required<Omit<ListenerOptions, NoLimits>>>;
type NoLimits =
  | "front"
  | "tls"
  | "relayPorts"
  | "hsts"
  | "redirectHttp"
  | "redirectPort"
  | "proxyProtocol"
  | "maxMessage"
  | "reusePort"
  | "http2";

const DEFAULTS: TcpLimits = {
  headTimeout: 10_000,
  idleTimeout: 75_000,
  writeTimeout: 300_000,
  tunnelTimeout: 3_600_000,
  minRate: 240,
  maxConnections: 16_384,
  maxConnectionsPerAddress: 0,
  maxRequests: 10_000,
  maxStreams: 128,
  maxRequestLine: 16 * 1024,
  maxHead: 64 * 1024,
  maxFields: 200,
  maxDiscard: 10 * 1024 * 1024,
};
/** 0 is a value of its own for these. */
const ZERO_IS_ZERO: readonly string[] = ["minRate", "maxDiscard"];

/** All limits, with the defaults for those left out or undefined, and no limit as Infinity. */
export function limitsOf(options: ListenerOptions): TcpLimits {
  const limits = Object.entries(DEFAULTS).map(([name, otherwise]) => {
    const value = options[name as keyof TcpLimits] ?? otherwise;
    return [name, value === 0 && !ZERO_IS_ZERO.includes(name) ? Infinity : value];
  });
  return Object.fromEntries(limits) as TcpLimits;
}
