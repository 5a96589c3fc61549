/**
 * Names and the addresses that they last had.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import { type Addresses, lookUp, type Question } from "./dns_lookup.ts";

/** Which addresses are asked for: those of IPv4, of IPv6, or both. */
export type Family = 4 | 6 | "both";

/** Looks names up, and keeps what was found last for when that fails. Changes for the worse or better are logged. */
export class KnownNames {
  readonly #discovery: string;
  readonly #last = new Map<string, readonly string[]>();
  readonly #failing = new Set<string>();

  /** One for the discovery of that name. */
  constructor(discovery: string) {
    this.#discovery = discovery;
  }

  /**
   * The addresses of a name, sorted. One family failing, the other is used with what was known of the first; when nothing
   * is found, what was known of both. Without `ttl` when it failed.
   */
  async addressesOf(name: string, family: Family, question: Question): Promise<Addresses> {
    const types = family === "both" ? ["A", "AAAA"] as const : [family === 4 ? "A" : "AAAA"] as const;
    const answers = await Promise.allSettled(types.map((type) => lookUp(name, type, question)));
    const addresses: string[] = [];
    const ttls: number[] = [];
    const causes: string[] = [];
    let found = false;
    for (const [i, type] of types.entries()) {
      const answer = answers[i]!;
      if (answer.status === "rejected") {
        causes.push(messageOf(answer.reason));
        addresses.push(...this.#last.get(`${type} ${name}`) ?? []);
      } else {
        if (answer.value.ttl !== undefined) ttls.push(answer.value.ttl);
        if (answer.value.addresses.length > 0) found = true;
        addresses.push(...answer.value.addresses);
      }
    }
    if (question.signal.aborted) return { addresses: [], ttl: undefined };
    if (!found) {
      const known = types.flatMap((type) => this.#last.get(`${type} ${name}`) ?? []);
      this.failed(name, causes[0] ?? `no ${types.join(" or ")} records`, known.length > 0);
      return { addresses: known, ttl: undefined };
    }
    for (const [i, type] of types.entries()) {
      const answer = answers[i]!;
      if (answer.status === "fulfilled") this.#last.set(`${type} ${name}`, answer.value.addresses);
    }
    this.worked(name);
    return { addresses: addresses.sort(), ttl: ttls.length > 0 ? Math.min(...ttls) : undefined };
  }

  /** Whether the last try for any name failed. */
  get failing(): boolean {
    return this.#failing.size > 0;
  }

  /** A name could not be looked up; said once, until it can be. */
  failed(name: string, cause: string, known: boolean): void {
    if (this.#failing.has(name)) return;
    this.#failing.add(name);
    const then = known ? "; what was found before is kept" : "";
    getLogger("postern").warn(`discovery ${this.#discovery}: cannot resolve ${name}: ${cause}${then}`);
  }

  /** A name was looked up. */
  worked(name: string): void {
    if (this.#failing.delete(name)) {
      getLogger("postern").info(`discovery ${this.#discovery}: ${name} resolves again`);
    }
  }

  /** Forgets all names but these. */
  keepOnly(names: readonly string[]): void {
    for (const key of this.#last.keys()) {
      if (!names.includes(key.slice(key.indexOf(" ") + 1))) this.#last.delete(key);
    }
    for (const name of this.#failing) if (!names.includes(name)) this.#failing.delete(name);
  }
}
