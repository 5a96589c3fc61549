/**
 * Proxies that take turns, with word of those that are not there and of those that fail.
 *
 * @module
 */
import { messageOf, note, print } from "./cleanup.ts";
import type { Peer } from "./peers/peer.ts";
import { Missing, stopping } from "./process.ts";

/** The proxies that one run looks at. */
export class SideBySide {
  /** How many measurements failed so far. */
  failures = 0;
  readonly #peers: readonly Peer[];
  readonly #left = new Map<Peer, string>();

  /** None of them is started before it is measured. */
  constructor(peers: readonly Peer[]) {
    this.#peers = peers;
  }

  /** What they are, as a list. Those that are not installed are left out from then on. */
  async about(): Promise<string> {
    const lines: string[] = [];
    for (const peer of this.#peers) {
      try {
        lines.push(`- ${peer.name}: ${(await peer.about()).trim()}`);
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        this.#left.set(peer, error.message);
      }
    }
    return lines.join("\n");
  }

  /**
   * Measures each in turn, round after round, so that a machine that changes its speed does so to all. Prints a heading
   * and then what `report` makes of the results, with those that failed.
   */
  async measure<R>(
    title: string,
    rounds: number,
    one: (peer: Peer) => Promise<R>,
    report: (results: [Peer, R[]][]) => string,
  ): Promise<void> {
    const found = new Map<Peer, R[]>();
    const failed: string[] = [];
    for (const peer of Array.from({ length: rounds }, () => this.#peers).flat()) {
      if (this.#left.has(peer)) continue;
      note(`${title}: ${peer.name}`);
      try {
        const result = await one(peer);
        found.set(peer, [...found.get(peer) ?? [], result]);
      } catch (error) {
        if (stopping()) throw error;
        if (error instanceof Missing) this.#left.set(peer, error.message);
        else failed.push(`failed: ${peer.name}: ${messageOf(error)}`);
      }
    }
    print(`\n### ${title}\n`);
    print(found.size > 0 ? report([...found]) : "nothing was measured");
    for (const line of failed) print(`\n${line}`);
    this.failures += failed.length;
  }

  /** Prints who was left out and why, and gives the exit code. */
  end(): number {
    for (const [peer, why] of this.#left) print(`\nskipped: ${peer.name}: ${why}`);
    return this.failures === 0 ? 0 : 1;
  }
}
