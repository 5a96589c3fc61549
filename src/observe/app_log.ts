/**
 * The application log: what the proxy has to say about itself, one line each.
 *
 * @module
 */
import { BaseHandler, type LevelName, setup } from "@std/log";
import type { LineWriter } from "./line_writer.ts";

/** Sends log records to a line writer. */
class LineHandler extends BaseHandler {
  readonly #writer: LineWriter;

  constructor(level: LevelName, writer: LineWriter) {
    super(level, {
      formatter: ({ datetime, levelName, msg }) => `${datetime.toISOString()} ${levelName.padEnd(5)} ${msg}`,
    });
    this.#writer = writer;
  }

  override log(msg: string): void {
    this.#writer.write(msg);
  }
}

/** Directs the application log of the process to a writer, from `level` on. */
export function setupAppLog(level: LevelName, writer: LineWriter): void {
  setup({
    handlers: { lines: new LineHandler(level, writer) },
    loggers: { default: { level, handlers: ["lines"] } },
  });
}
