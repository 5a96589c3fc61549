/**
 * A module that holds back the first chunk of a response and fails at the second.
 *
 * @module
 */
import type { FilteredChunk, Peer, Session } from "../../../src/mod.ts";

/** Replaced by the test. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:1" }];

/** Chunks so far. */
export const newContext = (): { chunks: number } => ({ chunks: 0 });

/** The one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}

/** Holds back, then fails. */
export function responseBodyFilter(
  _session: Session,
  _chunk: Uint8Array | null,
  _end: boolean,
  context: { chunks: number },
): FilteredChunk {
  if (++context.chunks > 1) throw new Error("lost what it held");
  return null;
}
