/**
 * Telling whoever made a peer how requests to it go.
 *
 * @module
 */
import type { ProxyError } from "../http/errors.ts";
import type { Peer } from "./peer.ts";

/** Learns of every attempt on a peer: what balancing by load, passive checks and limits go by. */
export interface PeerObserver {
  /** An attempt begins, the first of its request or a later one; what it gives is told how it goes. */
  begin(isFirst: boolean): AttemptObserver;
}

/** Learns how an attempt goes. */
export interface AttemptObserver {
  /** The response's head came, after so many milliseconds. */
  answered(status: number, ms: number): void;
  /** The upstream failed, before or after the response's head. */
  failed(error: ProxyError): void;
  /** Whether another attempt may be made after this one failed: retries must not make an overload worse. */
  mayRetry(): boolean;
  /** It is over: nothing of it occupies the upstream any more. Called once, last. */
  end(): void;
}

const observers = new WeakMap<Peer, PeerObserver>();

/** Has an observer told of a peer, in the place of one before. */
export function observePeer(peer: Peer, observer: PeerObserver): void {
  observers.set(peer, observer);
}

/** The observer of a peer. */
export function observerOf(peer: Peer): PeerObserver | undefined {
  return observers.get(peer);
}
