/**
 * Passing on what a discovery found.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import { prepare } from "../upstream/peer.ts";
import type { Member } from "./backend.ts";
import { isGranted } from "./granted.ts";

/**
 * Passes members on when they have changed; without those that this process may not connect to, which are said once, and
 * never none at all.
 */
export class Publisher {
  readonly #name: string;
  readonly #found: (members: readonly Member[]) => void;
  #last = "";
  #refused = new Set<string>();

  /** One for the discovery of that name. */
  constructor(name: string, found: (members: readonly Member[]) => void) {
    this.#name = name;
    this.#found = found;
  }

  /** Passes them on. Never rejects: what is wrong with them is logged. */
  async publish(members: readonly Member[]): Promise<void> {
    try {
      const granted = await this.#granted(members);
      const text = JSON.stringify(granted);
      if (granted.length === 0 || text === this.#last) return;
      this.#found(granted);
      this.#last = text;
    } catch (error) {
      getLogger("postern").error(`discovery ${this.#name}: cannot use what was found: ${messageOf(error)}`);
    }
  }

  async #granted(members: readonly Member[]): Promise<Member[]> {
    const granted: Member[] = [];
    const refused = new Set<string>();
    for (const member of members) {
      const { address, label } = prepare(member.peer);
      if (await isGranted(address)) granted.push(member);
      else refused.add(label);
    }
    for (const label of refused) {
      if (this.#refused.has(label)) continue;
      getLogger("postern").warn(
        `discovery ${this.#name}: ${label} is left out, as it is outside of what --allow-net grants`,
      );
    }
    this.#refused = refused;
    return granted;
  }
}
