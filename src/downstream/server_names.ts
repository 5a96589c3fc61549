/**
 * What a client that asks for a name is to get.
 *
 * @module
 */

/** Things by the names that their certificates are for. */
export class ServerNames<T> {
  readonly #first: T;
  readonly #byName = new Map<string, T>();

  /** @param entries At least one. A name that two have is the earlier one's. */
  constructor(entries: readonly { names: readonly string[]; value: T }[]) {
    this.#first = entries[0]!.value;
    for (const { names, value } of entries) {
      for (const name of names) if (!this.#byName.has(name)) this.#byName.set(name, value);
    }
  }

  /** What is for the name, or for its siblings, or the first; the first without a name. */
  for(name: string | undefined): T {
    if (name === undefined) return this.#first;
    const wanted = name.toLowerCase();
    return this.#byName.get(wanted) ?? this.#byName.get(`*${wanted.slice(wanted.indexOf("."))}`) ??
      this.#first;
  }
}
