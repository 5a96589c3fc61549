/**
 * A request as the hooks of a worker see it.
 *
 * @module
 */
import type { RequestHead, Session } from "../proxy/hooks.ts";
import type { Peer } from "../upstream/peer.ts";
import { type SessionView, unpackFields } from "./protocol.ts";

/** Peers remembered for `session.tried`; a module that makes a new one for every request would fill the memory. */
const MAX_PEERS = 1024;

/** The module's own peer objects by their JSON: `session.tried` must hold what `upstreamPeer` gave. */
export class KnownPeers {
  readonly #byText = new Map<string, Peer>();
  readonly #texts = new WeakMap<Peer, string>();

  /** The peer as JSON, which is remembered. */
  textOf(peer: Peer): string {
    let text = this.#texts.get(peer);
    if (text === undefined) {
      text = JSON.stringify(peer);
      this.#texts.set(peer, text);
      if (this.#byText.size >= MAX_PEERS) this.#byText.clear();
    }
    this.#byText.set(text, peer);
    return text;
  }

  /** The object of a JSON. */
  peerOf(text: string): Peer {
    return this.#byText.get(text) ?? JSON.parse(text);
  }
}

const NEVER = new AbortController().signal;

/** A session made from what the proxy sent, brought up to date at every call of the same request. */
export class GuestSession implements Session {
  readonly #peers: KnownPeers;
  #view: SessionView;
  #receivedAt = performance.now();
  #tried: Peer[] | undefined;
  #request: RequestHead | undefined;

  constructor(view: SessionView, peers: KnownPeers) {
    this.#view = view;
    this.#peers = peers;
  }

  /** Takes in what changed since the last call. */
  update(view: SessionView): void {
    this.#view = view;
    this.#receivedAt = performance.now();
    this.#tried = undefined;
  }

  /** Taken apart only when a hook looks at it. */
  get request(): RequestHead {
    const [, , , method, target, fields] = this.#view;
    return this.#request ??= { method, target, headers: unpackFields(fields) };
  }
  /** The request as it came, and as hooks may have left it; undefined when none has looked at it. */
  get heads():
    | { before: { method: string; target: string; fields: string }; after: RequestHead }
    | undefined {
    if (this.#request === undefined) return undefined;
    const [, , , method, target, fields] = this.#view;
    return { before: { method, target, fields }, after: this.#request };
  }

  get id(): string {
    return this.#view[0];
  }
  get clientAddress(): string {
    return this.#view[1];
  }
  get scheme(): string {
    return this.#view[2];
  }
  get upgrade(): string | null {
    return this.#view[12];
  }
  get attempts(): number {
    return this.#view[6];
  }
  get status(): number {
    return this.#view[7];
  }
  get bytesSent(): number {
    return this.#view[8];
  }
  get bytesReceived(): number {
    return this.#view[9];
  }
  get elapsed(): number {
    return this.#view[10] + performance.now() - this.#receivedAt;
  }
  /** Never aborts: what happens to a request meanwhile is not told across. */
  get signal(): AbortSignal {
    return NEVER;
  }
  get tried(): readonly Peer[] {
    return this.#tried ??= this.#view[11].map((text) => this.#peers.peerOf(text));
  }
}
