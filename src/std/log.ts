/**
 * The part of `@std/log` that this project uses, backed by `@logtape/logtape`.
 *
 * `@std/log` left the standard library in September 2025; its interface lives on here.
 *
 * @module
 */
import { configureSync, getLogger as getTape, type LogLevel, type Sink } from "@logtape/logtape";

/** The names of the levels, in rising order of weight. */
export type LevelName = "DEBUG" | "INFO" | "WARN" | "ERROR" | "CRITICAL";

/** The levels by name, in the numbers of `@std/log`. */
export const LogLevels: Record<LevelName, number> = {
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
};

const TO_TAPE: Record<LevelName, LogLevel> = {
  DEBUG: "debug",
  INFO: "info",
  WARN: "warning",
  ERROR: "error",
  CRITICAL: "fatal",
};
const FROM_TAPE = new Map(Object.entries(TO_TAPE).map(([name, tape]) => [tape, name as LevelName]));

/** One log entry as a formatter sees it. */
export interface LogRecord {
  /** The text. */
  msg: string;
  /** When it was logged. */
  datetime: Date;
  /** The level's number. */
  level: number;
  /** The level's name. */
  levelName: LevelName;
  /** The name the logger was asked for by. */
  loggerName: string;
}

/** Formats records and hands the text to {@linkcode BaseHandler.log}, which a subclass provides. */
export abstract class BaseHandler {
  /** The lowest level that passes. */
  readonly level: number;
  readonly #formatter: (record: LogRecord) => string;

  /** Takes the lowest level and, optionally, how a record becomes text (default: `LEVEL msg`). */
  constructor(levelName: LevelName, options: { formatter?: (record: LogRecord) => string } = {}) {
    this.level = LogLevels[levelName];
    this.#formatter = options.formatter ?? ((record) => `${record.levelName} ${record.msg}`);
  }

  /** Formats and logs the record when its level is high enough. */
  handle(record: LogRecord): void {
    if (record.level >= this.level) this.log(this.#formatter(record));
  }

  /** Writes one formatted entry. */
  abstract log(msg: string): void;
}

/** What {@linkcode setup} takes: handlers by name, and which of them each logger writes to. */
export interface LogConfig {
  /** Handlers by name. */
  handlers: Record<string, BaseHandler>;
  /** Loggers by name; `default` is the parent of all. */
  loggers: Record<string, { level: LevelName; handlers: string[] }>;
}

/** Replaces the logging configuration of the process. */
export function setup(config: LogConfig): void {
  const sinks: Record<string, Sink> = {};
  for (const [name, handler] of Object.entries(config.handlers)) {
    sinks[name] = (record) => {
      const levelName = FROM_TAPE.get(record.level) ?? "INFO";
      handler.handle({
        msg: String(record.properties.msg),
        datetime: new Date(record.timestamp),
        level: LogLevels[levelName],
        levelName,
        loggerName: record.category[0] ?? "default",
      });
    };
  }
  configureSync({
    reset: true,
    sinks,
    loggers: [
      ...Object.entries(config.loggers).map(([name, { level, handlers }]) => ({
        category: name === "default" ? [] : [name],
        lowestLevel: TO_TAPE[level],
        sinks: handlers,
      })),
      { category: ["logtape", "meta"], lowestLevel: "error" as const },
    ],
  });
}

/** Writes entries under one name. */
export interface Logger {
  /** Logs at level DEBUG. */
  debug(msg: string): void;
  /** Logs at level INFO. */
  info(msg: string): void;
  /** Logs at level WARN. */
  warn(msg: string): void;
  /** Logs at level ERROR. */
  error(msg: string): void;
  /** Logs at level CRITICAL. */
  critical(msg: string): void;
}

/** The logger of that name; it says nothing until {@linkcode setup} was called. */
export function getLogger(name = "default"): Logger {
  const tape = getTape(name === "default" ? [] : [name]);
  return {
    debug: (msg) => tape.debug("{msg}", { msg }),
    info: (msg) => tape.info("{msg}", { msg }),
    warn: (msg) => tape.warn("{msg}", { msg }),
    error: (msg) => tape.error("{msg}", { msg }),
    critical: (msg) => tape.fatal("{msg}", { msg }),
  };
}
