/**
 * The logs of a running proxy: the application log to standard error, the access log to standard output.
 *
 * @module
 */
import { getLogger, type LevelName } from "@std/log";
import { accessFilter, type AccessFilterOptions } from "../observe/access_filter.ts";
import {
  type AccessEntry,
  type AccessFormat,
  accessFormatter,
  type LoggedFields,
} from "../observe/access_log.ts";
import { setupAppLog } from "../observe/app_log.ts";
import { LineWriter } from "../observe/line_writer.ts";
import { LogFile } from "../observe/log_file.ts";

/** The access log: its form, where it goes, and what is in it. */
export interface AccessLogOptions extends AccessFilterOptions, LoggedFields {
  /** Its form. */
  format: AccessFormat | "off";
  /** A file that it is appended to, opened anew on `SIGUSR1`. @default standard output */
  file?: string;
}

/** The logs of the process. */
export interface Logs {
  /** Takes a request into the access log; undefined when that is off. */
  readonly onEnd: ((entry: AccessEntry) => void) | undefined;
  /** Says a line to the person who started the proxy. */
  say(line: string): void;
  /** Opens the file of the access log anew, if it has one. */
  reopen(): void;
  /** Waits, for a short time, until everything was written. */
  flush(): Promise<void>;
}

/**
 * Sets the logs up. What a hook leaves unhandled becomes a line in the log instead of ending the process.
 *
 * @throws when the file of the access log cannot be opened
 */
export function setupLogs(level: LevelName, access: AccessLogOptions): Logs {
  const err = new LineWriter(Deno.stderr);
  setupAppLog(level, err);
  const log = getLogger("postern");
  const file = access.format === "off" || access.file === undefined
    ? undefined
    : new LogFile(access.file, (problem) => log.error(`access log: ${problem}`));
  const out = new LineWriter(file ?? Deno.stdout, {
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
    onEnd: accessLogger(access, out),
    reopen: () => file?.reopen(),
    say: (line) => err.write(line),
    async flush() {
      await out.flush();
      await err.flush();
    },
  };
}

function accessLogger({ format, ...options }: AccessLogOptions, out: LineWriter): Logs["onEnd"] {
  if (format === "off") return undefined;
  const lineOf = accessFormatter(format, options);
  const isLogged = accessFilter(options);
  return (entry) => isLogged(entry) ? out.write(lineOf(entry)) : undefined;
}

function describe(error: unknown): string {
  return (error instanceof Error ? error.stack ?? error.message : String(error)).replaceAll(
    /\s*\n\s*/g,
    " | ",
  );
}
