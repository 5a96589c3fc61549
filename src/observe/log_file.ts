/**
 * A log in a file that can be moved away.
 *
 * @module
 */
import { messageOf } from "../http/errors.ts";
import type { ByteSink } from "./line_writer.ts";

/** A file that lines are appended to. {@linkcode LogFile.reopen} goes on in a new one once the file was moved away. */
export class LogFile implements ByteSink {
  readonly #path: string;
  readonly #onProblem: (text: string) => void;
  #file: Deno.FsFile;
  #isStale = false;

  /**
   * Opens it, or makes it.
   *
   * @param onProblem Told of what goes wrong later: the log goes on in the file that is open.
   * @throws when it cannot be opened
   */
  constructor(path: string, onProblem: (text: string) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
    this.#file = this.#open();
  }

  /** Writes some of the bytes, to the file that has the name at that time. */
  async write(bytes: Uint8Array): Promise<number> {
    if (this.#isStale) this.#change();
    try {
      return await this.#file.write(bytes);
    } catch (error) {
      // A full disk may have room again: what is lost is said, and later lines are tried anew.
      this.#onProblem(`cannot write ${this.#path}: ${messageOf(error)}`);
      return bytes.length;
    }
  }

  /** Before the next line, opens the file anew by its name, as log rotation wants it after it has moved the old one. */
  reopen(): void {
    this.#isStale = true;
  }

  /** Closes it. */
  close(): void {
    this.#file.close();
  }

  #change(): void {
    this.#isStale = false;
    try {
      const next = this.#open();
      this.#file.close();
      this.#file = next;
    } catch (error) {
      this.#onProblem(`cannot open ${this.#path} again: ${messageOf(error)}`);
    }
  }

  #open(): Deno.FsFile {
    return Deno.openSync(this.#path, { append: true, create: true });
  }
}
