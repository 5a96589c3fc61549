/**
 * A frame for programs that start others: whatever ends them, nothing they started is left behind.
 *
 * @module
 */
import { stopAll } from "./process.ts";

/** Writes a line of the result. */
export function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Writes a line about how it goes. */
export function note(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Runs `main` with a temporary directory, then stops every process that was started, removes the directory and ends
 * with the exit code that it gives. A failure, a signal or the end of the time allowed does the same.
 *
 * @param limit Seconds after which it is given up.
 */
export async function cleanly(limit: number, main: (dir: string) => Promise<number>): Promise<never> {
  const dir = await Deno.makeTempDir({ prefix: "postern_bench_" });
  let ending: Promise<never> | undefined;
  const end = (code: number): Promise<never> =>
    ending ??= (async () => {
      await stopAll();
      await Deno.remove(dir, { recursive: true }).catch(() => {});
      Deno.exit(code);
    })();
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    Deno.addSignalListener(signal, () => void end(code));
  }
  setTimeout(() => {
    note(`given up after ${limit} s`);
    end(1);
  }, limit * 1000);
  let code = 1;
  try {
    // The servers' workers may run as another user.
    await Deno.chmod(dir, 0o755);
    code = await main(dir);
  } catch (error) {
    if (ending === undefined) note(`error: ${messageOf(error)}`);
  }
  return await end(code);
}
