/**
 * Noticing that files have changed.
 *
 * @module
 */
import { dirname, resolve } from "node:path";

/** What is written in several steps counts as one change, in milliseconds. */
const SETTLE = 200;

/**
 * Calls back when one of the files has changed. Their folders are watched, as editors put new files in the place of old ones;
 * `files` is asked for them anew after every change. `failed` is told when they cannot be watched.
 */
export function watchFiles(
  files: () => readonly string[],
  changed: () => Promise<unknown>,
  failed: (error: unknown) => void,
): { stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let watcher: Deno.FsWatcher | undefined;
  let isStopped = false;
  const watch = async () => {
    while (!isStopped) {
      const names = new Set(files().map((file) => resolve(file)));
      watcher = Deno.watchFs([...new Set([...names].map((name) => dirname(name)))], { recursive: false });
      for await (const { kind, paths } of watcher) {
        if (kind === "access" || !paths.some((path) => names.has(resolve(path)))) continue;
        clearTimeout(timer);
        timer = setTimeout(async () => {
          // There may be other files after it. What changes meanwhile is noticed still.
          await changed();
          if (!isStopped) watcher?.close();
        }, SETTLE);
      }
    }
  };
  const watching = watch();
  watching.catch(failed);
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
      watcher?.close();
    },
  };
}
