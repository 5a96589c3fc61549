/**
 * Peers that sandboxed modules chose.
 *
 * @module
 */
import { type Peer, targetOf } from "../upstream/peer.ts";

/** Peers remembered; beyond, all are forgotten and made anew. */
const MAX_PEERS = 1024;

/** Gives the same peer object for the same JSON, so that what belongs to a peer is made once. */
export class RemotePeers {
  readonly #name: string;
  readonly #isDeclared: (address: string) => boolean;
  readonly #byText = new Map<string, Peer>();
  readonly #texts = new WeakMap<Peer, string>();

  /** `isDeclared` tells whether the module may be connected to an address. */
  constructor(name: string, isDeclared: (address: string) => boolean) {
    this.#name = name;
    this.#isDeclared = isDeclared;
  }

  /** The JSON that a peer came as. */
  textOf(peer: Peer): string {
    return this.#texts.get(peer) ?? JSON.stringify(peer);
  }

  /**
   * The peer of a JSON.
   *
   * @throws {RangeError} when it cannot be used, or leads where the module did not declare to go
   */
  peerOf(text: unknown): Peer {
    const known = this.#byText.get(text as string);
    if (known !== undefined) return known;
    const peer = JSON.parse(String(text)) as Peer;
    const { label } = targetOf(peer);
    if (!this.#isDeclared(label)) {
      throw new RangeError(`${this.#name}: upstream ${label} is not in its "net"`);
    }
    if (this.#byText.size >= MAX_PEERS) this.#byText.clear();
    this.#byText.set(String(text), peer);
    this.#texts.set(peer, String(text));
    return peer;
  }
}
