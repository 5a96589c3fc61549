/**
 * What a client claims of the way its request took.
 *
 * @module
 */
import { HeaderList, isName } from "../http/headers.ts";

/** The fields that only a trusted proxy may have set. */
export const CLAIMS: readonly string[] = [
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "forwarded",
];
/** With Via, which anybody may have set. */
const HAS_CLAIM = new Set([...CLAIMS, "via"]);

/** Whether a lower-case name is one that `setForwarded` may have to replace or append to. */
export function isClaim(name: string): boolean {
  return HAS_CLAIM.has(name);
}

/**
 * The fields of a request that came with claims. It knows which of them are still the client's own: those that no
 * hook has set anew or deleted, be it to the same value.
 */
export class ClaimingHeaders extends HeaderList {
  /** Names in lower case and values in turns. */
  #claims: string[] = [];

  /** Copies names and values in turns. */
  constructor(lines: readonly string[]) {
    super();
    for (let i = 0; i < lines.length; i += 2) {
      const name = lines[i]!.toLowerCase();
      this.lines.push(lines[i]!, lines[i + 1]!);
      if (CLAIMS.includes(name)) this.#claims.push(name, lines[i + 1]!);
    }
  }

  /** As `HeaderList.set`; what is set is no longer a claim of the client's. */
  override set(name: string, value: string): void {
    super.set(name, value);
    this.#disown(name.toLowerCase());
  }

  /** As `HeaderList.delete`. */
  override delete(name: string): void {
    super.delete(name);
    this.#disown(name.toLowerCase());
  }

  /** Removes the client's own claims from a list that began as these fields. */
  removeClaims(from: HeaderList): void {
    const { lines } = from;
    for (let claim = 0; claim < this.#claims.length; claim += 2) {
      const name = this.#claims[claim]!;
      const value = this.#claims[claim + 1]!;
      // The client's line comes before any that a hook appended.
      for (let i = 0; i < lines.length; i += 2) {
        if (lines[i + 1] !== value || !isName(lines[i]!, name)) continue;
        lines.splice(i, 2);
        break;
      }
    }
  }

  #disown(name: string): void {
    this.#claims = this.#claims.filter((_, i) => this.#claims[i & ~1] !== name);
  }
}
