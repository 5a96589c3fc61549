/**
 * Checking a backend by opening a connection.
 *
 * @module
 */
import { connect } from "../upstream/connect.ts";
import { type Peer, targetOf } from "../upstream/peer.ts";

/** Finds out whether a peer can be used: resolves if so, rejects with the cause if not. */
export type Check = (peer: Peer, signal: AbortSignal) => Promise<void>;

/**
 * A check that passes when a TCP (or Unix socket) connection can be opened within the time. No TLS, as with Pingora.
 *
 * @param timeout In milliseconds. @default {1_000}
 */
export function tcpCheck(timeout = 1_000): Check {
  return async ({ address }, signal) => {
    const connection = await connect(targetOf({ address, timeouts: { connect: timeout } }), signal);
    connection.close();
  };
}
