/**
 * The limits of the own HTTP/1.1 server.
 *
 * @module
 */
import type { HeadLimits } from "./head_parser.ts";

/** All limits; times in milliseconds. */
export interface TcpLimits extends HeadLimits {
  /** From the first byte of a head to its last, and from a connection's beginning to its first request. */
  readonly headTimeout: number;
  /** Between two requests. */
  readonly idleTimeout: number;
  /** The client takes nothing of what it is sent. */
  readonly writeTimeout: number;
  /** Silence in a tunnel, both ways. */
  readonly tunnelTimeout: number;
  /** Bytes a second that a client has to send of a body, and to take of an answer, on average over the time waited. */
  readonly minRate: number;
  /** Requests on a connection. */
  readonly maxRequests: number;
  /** Connections in all. */
  readonly maxConnections: number;
  /** Connections from one address. */
  readonly maxConnectionsPerAddress: number;
  /** Bytes of a refused request that are read and thrown away before its connection is closed. */
  readonly maxDiscard: number;
}

/** The limits when none are set. */
export const DEFAULT_LIMITS: TcpLimits = {
  maxRequestLine: 16 * 1024,
  maxHead: 64 * 1024,
  maxFields: 200,
  headTimeout: 10_000,
  idleTimeout: 75_000,
  writeTimeout: 60_000,
  tunnelTimeout: 3_600_000,
  minRate: 240,
  maxRequests: 10_000,
  maxConnections: 16_384,
  maxConnectionsPerAddress: Infinity,
  maxDiscard: 10 * 1024 * 1024,
};
