/**
 * The application log of a test.
 *
 * @module
 */
import { BaseHandler, setup } from "@std/log";
import { within } from "./wire.ts";

/** What is logged while it is in use: one `LEVEL text` each. */
export interface CapturedLog extends Disposable {
  /** The lines so far. */
  readonly lines: string[];
  /** Resolves with the first line, from the `from`th on, that contains `text`. */
  line(text: string, from?: number): Promise<string>;
}

/** Directs the log of this process into a list until it is disposed of. */
export function captureLog(): CapturedLog {
  const lines: string[] = [];
  let waiting: (() => void)[] = [];
  class Capture extends BaseHandler {
    override log(msg: string): void {
      lines.push(msg);
      for (const resolve of waiting.splice(0)) resolve();
    }
  }
  setup({
    handlers: { capture: new Capture("DEBUG") },
    loggers: { default: { level: "DEBUG", handlers: ["capture"] } },
  });
  const find = async (text: string, from: number): Promise<string> => {
    for (;;) {
      const found = lines.slice(from).find((line) => line.includes(text));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return {
    lines,
    line: (text, from = 0) => within(find(text, from), `a log line with ${JSON.stringify(text)}`),
    [Symbol.dispose]() {
      waiting = [];
      setup({ handlers: {}, loggers: {} });
    },
  };
}
