/**
 * Header fields, kept as they are on the wire: in order, each line by itself, spelled as received.
 *
 * @module
 */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// deno-lint-ignore no-control-regex
const BAD_VALUE = /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/;

/**
 * A list of header fields with the interface of the web's `Headers`.
 *
 * Two differences from the web's class, both on purpose: iteration gives the field lines in the order received
 * rather than sorted and joined, and {@linkcode HeaderList.lines} keeps the spelling of the names.
 * Names compare without case; values are byte strings (each character is one byte).
 */
export class HeaderList implements Headers {
  /** Names and values in turns, names as spelled. Whoever adds here directly must have validated both. */
  readonly lines: string[] = [];

  /** Copies `init` when given. */
  constructor(init?: Iterable<readonly [string, string]>) {
    if (init !== undefined) { for (const [name, value] of init) this.append(name, value); }
  }

  /** A copy that shares nothing with this list. */
  clone(): HeaderList {
    const copy = new HeaderList();
    const { lines } = this;
    for (let i = 0; i < lines.length; i++) copy.lines.push(lines[i]!);
    return copy;
  }

  /** The values of `name` joined by `, `, or null. */
  get(name: string): string | null {
    const key = name.toLowerCase();
    const { lines } = this;
    let found: string | null = null;
    for (let i = 0; i < lines.length; i += 2) {
      if (isName(lines[i]!, key)) found = found === null ? lines[i + 1]! : `${found}, ${lines[i + 1]}`;
    }
    return found;
  }

  /** Whether a line of that name is there. */
  has(name: string): boolean {
    const key = name.toLowerCase();
    const { lines } = this;
    for (let i = 0; i < lines.length; i += 2) if (isName(lines[i]!, key)) return true;
    return false;
  }

  /**
   * Replaces all lines of `name` by one, at the place of the first.
   *
   * @throws {TypeError} when the name is not a token or the value holds control characters or more than a byte each
   */
  set(name: string, value: string): void {
    checkLine(name, value);
    const key = name.toLowerCase();
    const { lines } = this;
    for (let i = 0; i < lines.length; i += 2) {
      if (!isName(lines[i]!, key)) continue;
      lines[i + 1] = value;
      this.#removeFrom(i + 2, key);
      return;
    }
    lines.push(name, value);
  }

  /**
   * Adds a line, whatever is there already.
   *
   * @throws {TypeError} as {@linkcode HeaderList.set}
   */
  append(name: string, value: string): void {
    checkLine(name, value);
    this.lines.push(name, value);
  }

  /** Removes all lines of `name`. */
  delete(name: string): void {
    this.#removeFrom(0, name.toLowerCase());
  }

  /** The values of the lines of `name`, each by itself. */
  getAll(name: string): string[] {
    const key = name.toLowerCase();
    const found: string[] = [];
    const { lines } = this;
    for (let i = 0; i < lines.length; i += 2) if (isName(lines[i]!, key)) found.push(lines[i + 1]!);
    return found;
  }

  /** The values of all `Set-Cookie` lines. */
  getSetCookie(): string[] {
    return this.getAll("set-cookie");
  }

  /** Calls back for every line, names in lower case. */
  forEach(callback: (value: string, key: string, parent: this) => void, thisArg?: unknown): void {
    for (const [name, value] of this) callback.call(thisArg, value, name, this);
  }

  /** The names, in lower case, one for every line. */
  *keys(): IterableIterator<string> {
    for (const [name] of this) yield name;
  }

  /** The values, one for every line. */
  *values(): IterableIterator<string> {
    for (const [, value] of this) yield value;
  }

  /** The lines, names in lower case. */
  *entries(): IterableIterator<[string, string]> {
    const { lines } = this;
    for (let i = 0; i < lines.length; i += 2) yield [lines[i]!.toLowerCase(), lines[i + 1]!];
  }

  /** The lines, names in lower case. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  /** Removes the lines whose name `unwanted` accepts; it gets names as spelled. */
  removeIf(unwanted: (name: string) => boolean): void {
    this.#keep(0, (name) => !unwanted(name));
  }

  #removeFrom(start: number, key: string): void {
    this.#keep(start, (name) => !isName(name, key));
  }

  #keep(start: number, wanted: (name: string) => boolean): void {
    const { lines } = this;
    let kept = start;
    for (let i = start; i < lines.length; i += 2) {
      if (!wanted(lines[i]!)) continue;
      if (kept !== i) {
        lines[kept] = lines[i]!;
        lines[kept + 1] = lines[i + 1]!;
      }
      kept += 2;
    }
    lines.length = kept;
  }
}

/** Whether a name as spelled is the lower-case name `key`. */
export function isName(spelled: string, key: string): boolean {
  return spelled === key || (spelled.length === key.length && spelled.toLowerCase() === key);
}

/**
 * Makes sure that a field line can be one.
 *
 * @throws {TypeError} as {@linkcode HeaderList.set}
 */
export function checkLine(name: string, value: string): void {
  if (!TOKEN.test(name)) {
    throw new TypeError(`Cannot set header: name ${JSON.stringify(name)} is not a token`);
  }
  if (BAD_VALUE.test(value)) {
    throw new TypeError(
      `Cannot set header "${name}": value ${JSON.stringify(value)} holds a forbidden character`,
    );
  }
}
