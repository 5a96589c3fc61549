/**
 * Members listed in a file that is watched.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import { sleep } from "../http/sleep.ts";
import { isTimeout, LONGEST_TIMEOUT, type Peer } from "../upstream/peer.ts";
import type { Member } from "./backend.ts";
import type { Discovery } from "./discovery.ts";
import { parseMembers } from "./members_file.ts";
import { Publisher } from "./publisher.ts";

/** Settings of {@linkcode fileDiscovery}. */
export interface FileDiscoveryOptions {
  /** What the peers have that do not say otherwise. */
  peer?: Omit<Peer, "address">;
  /** The file is read so long after a change, when it may be whole again, in milliseconds. @default {100} */
  debounce?: number;
  /** It is read that often in any case, as not every file system tells of changes, in milliseconds. @default {30_000} */
  interval?: number;
}

/**
 * Finds the members that a file lists, in YAML or JSON: addresses, or mappings such as
 * `{ address: "10.0.0.1:80", weight: 2, backup: true }`.
 *
 * The file is read at the start and whenever it changes, which needs `--allow-read` of it. With `--allow-read` of its
 * folder also files that are replaced rather than written to are noticed at once. A file that cannot be read or is empty
 * changes nothing.
 *
 * @throws {RangeError} that names the option that cannot be used
 */
export function fileDiscovery(path: string, options: FileDiscoveryOptions = {}): Discovery {
  const rules = { peer: {}, debounce: 100, interval: 30_000, ...options };
  for (const [key, least] of [["debounce", 0], ["interval", 1]] as const) {
    if (isTimeout(rules[key]) && rules[key] >= least) continue;
    throw new RangeError(
      `Cannot use discovery "${key}": expected milliseconds from ${least} to ${LONGEST_TIMEOUT}, found ${
        rules[key]
      }`,
    );
  }
  return new FileDiscovery(path, rules);
}

class FileDiscovery implements Discovery {
  readonly name: string;
  readonly #path: string;
  readonly #rules: Required<FileDiscoveryOptions>;
  #text: string | undefined;
  #complaint = "";

  constructor(path: string, rules: Required<FileDiscoveryOptions>) {
    this.name = `file ${path}`;
    this.#path = path;
    this.#rules = rules;
  }

  async run(signal: AbortSignal, found: (members: readonly Member[]) => void): Promise<void> {
    const publisher = new Publisher(this.name, found);
    const { debounce, interval } = this.#rules;
    this.#text = undefined;
    while (!signal.aborted) {
      // Opened anew each time, before the file is read: no change is missed, nor that the file is another one by now.
      const watcher = await this.#watch();
      await this.#read(publisher);
      if (signal.aborted) watcher?.close();
      else if (watcher === undefined) await sleep(interval, signal);
      else if (await this.#changes(watcher, signal)) await sleep(debounce, signal);
    }
  }

  async #watch(): Promise<Deno.FsWatcher | undefined> {
    const [, folder] = /^(.*)\/[^/]*$/.exec(this.#path) ?? [];
    const path = folder === undefined ? "." : folder || "/";
    const { state } = await Deno.permissions.query({ name: "read", path });
    try {
      return Deno.watchFs(state === "granted" ? path : this.#path, { recursive: false });
    } catch {
      return undefined;
    }
  }

  /** Waits for a change of the file, or the interval's end; whether there was a change. */
  async #changes(watcher: Deno.FsWatcher, signal: AbortSignal): Promise<boolean> {
    const close = () => {
      try {
        watcher.close();
      } catch { /* closed already */ }
    };
    const timer = setTimeout(close, this.#rules.interval);
    signal.addEventListener("abort", close);
    try {
      for await (const { kind, paths } of watcher) {
        if (kind !== "access" && paths.some((path) => this.#concerns(path))) return true;
      }
      return false;
    } finally {
      close();
      clearTimeout(timer);
      signal.removeEventListener("abort", close);
    }
  }

  /** Whether it is the file, or a link that Kubernetes swaps to replace files. */
  #concerns(path: string): boolean {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return name === this.#path.slice(this.#path.lastIndexOf("/") + 1) || name.startsWith("..");
  }

  async #read(publisher: Publisher): Promise<void> {
    try {
      const text = await Deno.readTextFile(this.#path);
      if (text === this.#text) return;
      this.#text = text;
      const members = parseMembers(text, this.#rules.peer);
      if (members.length === 0) throw new RangeError("line 1: it lists no members");
      await publisher.publish(members);
      if (this.#complaint !== "") getLogger("postern").info(`discovery ${this.name}: can be used again`);
      this.#complaint = "";
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error: unknown): void {
    const cause = error instanceof RangeError ? error.message : messageOf(error);
    if (!(error instanceof RangeError)) this.#text = undefined;
    if (cause === this.#complaint) return;
    this.#complaint = cause;
    getLogger("postern").error(
      `discovery ${this.name}: cannot be used, what was found before is kept: ${cause}`,
    );
  }
}
