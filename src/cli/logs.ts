/**
 * The logs of a running proxy: the application log to standard error, the access log to standard output.
 *
 * @module
 */
import { getLogger, type LevelName } from "@std/log";
import { type AccessEntry, type AccessFormat, formatAccess } from "../observe/access_log.ts";
import { setupAppLog } from "../observe/app_log.ts";
import { LineWriter } from "../observe/line_writer.ts";

/** The logs of the process. */
export interface Logs {
  /** Takes a request into the access log; undefined when that is off. */
  readonly onEnd: ((entry: AccessEntry) => void) | undefined;
  /** Says a line to the person who started the proxy. */
  say(line: string): void;
  /** Waits, for a short time, until everything was written. */
  flush(): Promise<void>;
}

/** Sets the logs up. What a hook leaves unhandled becomes a line in the log instead of ending the process. */
export function setupLogs(level: LevelName, format: AccessFormat | "off"): Logs {
  const err = new LineWriter(Deno.stderr);
  setupAppLog(level, err);
  const log = getLogger("postern");
  const out = new LineWriter(Deno.stdout, {
    onDropped: (lines) => log.warn(`access log: ${lines} lines dropped, its reader is too slow or gone`),
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error(`unhandled rejection: ${describe(event.reason)}`);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log.error(`uncaught error: ${describe(event.error)}`);
  });
  return {
    onEnd: format === "off" ? undefined : (entry) => out.write(formatAccess(entry, format)),
    say: (line) => err.write(line),
    async flush() {
      await out.flush();
      await err.flush();
    },
  };
}

function describe(error: unknown): string {
  return (error instanceof Error ? error.stack ?? error.message : String(error)).replaceAll(
    /\s*\n\s*/g,
    " | ",
  );
}
