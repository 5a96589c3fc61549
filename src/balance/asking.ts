/**
 * What balancing knows of a request: the part of a hook's session that it needs.
 *
 * @module
 */
import type { HeaderList } from "../http/headers.ts";
import type { Peer } from "../upstream/peer.ts";

/** A request that is to be given a backend. A hook's `session` is one. */
export interface Asking {
  /** The address of the client, without port. */
  readonly clientAddress: string;
  /** What the client asked for. */
  readonly request: { readonly method: string; readonly target: string; readonly headers: HeaderList };
  /** Peers that failed it already. */
  readonly tried: readonly Peer[];
  /** Aborts when nobody waits for it any more. */
  readonly signal: AbortSignal;
}
