/**
 * What a sandboxed module says, in the log: under its name, a line each, and not more than so many.
 *
 * @module
 */
import { getLogger } from "@std/log";

/** Lines that a module may put into the log in a second. */
const MAX_LINES = 1_000;

/** The log of one module. */
export class ModuleLog {
  readonly #name: string;
  #second = 0;
  #lines = 0;

  /** Lines begin with the name. */
  constructor(name: string) {
    this.#name = name;
  }

  /** The module said something, or tried what it may not. */
  say(level: unknown, text: unknown): void {
    if (!this.#mayLog()) return;
    const log = getLogger("postern");
    const line = `${this.#name}: ${oneLine(text)}`;
    if (level === "ERROR" || level === "CRITICAL") log.error(line);
    else if (level === "WARN") log.warn(line);
    else if (level === "INFO") log.info(line);
    else log.debug(line);
  }

  /** The proxy has something to say of the module. */
  error(text: string): void {
    getLogger("postern").error(`${this.#name}: ${text}`);
  }

  #mayLog(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) {
      const dropped = this.#lines - MAX_LINES;
      if (dropped > 0) getLogger("postern").warn(`${this.#name}: ${dropped} of its log lines dropped`);
      this.#second = second;
      this.#lines = 0;
    }
    return ++this.#lines <= MAX_LINES;
  }
}

/** A text without line breaks and other control characters. */
export function oneLine(text: unknown): string {
  // deno-lint-ignore no-control-regex
  return String(text).replaceAll(/[\x00-\x1f\x7f]+/g, " ");
}
