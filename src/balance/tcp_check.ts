/**
 * Checking a backend by opening a connection.
 *
 * @module
 */
import { connect } from "../upstream/connect.ts";
import { type Peer, targetOf } from "../upstream/peer.ts";

/** Finds out whether a peer can be used: resolves if so, rejects with the cause if not. */
export interface Check {
  /** `signal` aborts when the time for the check is over, or the checks are stopped. */
  (peer: Peer, signal: AbortSignal): Promise<void>;
  /** The time that it needs, in milliseconds, unless the health checks' `timeout` says otherwise. */
  readonly timeout?: number;
}

/**
 * A check that passes when a TCP (or Unix socket) connection can be opened within the time. No TLS, as with Pingora.
 *
 * @param timeout In milliseconds. @default {1_000}
 */
export function tcpCheck(timeout = 1_000): Check {
  const check = async ({ address }: Peer, signal: AbortSignal) => {
    const connection = await connect(targetOf({ address, timeouts: { connect: timeout } }), signal);
    connection.close();
  };
  return Object.assign(check, { timeout });
}
