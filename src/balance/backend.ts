/**
 * A member of a group of upstreams.
 *
 * @module
 */
import { type Peer, prepare } from "../upstream/peer.ts";

/** A peer and what the balancer knows of it. */
export class Backend {
  /** How to reach it; replaced when only its settings change. */
  peer: Peer;
  /** Its address, for the log. */
  readonly label: string;
  /** What makes two backends the same when a group is replaced. */
  readonly key: string;
  /** Whether it gets traffic. A new backend starts healthy, as with Pingora. */
  healthy = true;
  /** Checks in a row that contradict {@linkcode Backend.healthy}. */
  contradictions = 0;
  /** Since when it is in its state, on `performance.now()`'s clock. */
  since: number = performance.now();

  /**
   * A healthy backend.
   *
   * @throws {RangeError} when the peer's address or a setting cannot be used
   */
  constructor(peer: Peer) {
    const { label, key } = prepare(peer);
    this.peer = peer;
    this.label = label;
    this.key = key;
  }
}
