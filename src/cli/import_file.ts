/**
 * Importing a module from a file, in the knowledge that it may do anything while it loads.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { messageOf } from "../http/errors.ts";

/** A module may take this long to load, in milliseconds. */
const LOAD_TIME = 5_000;

/**
 * The exports of the module in a file.
 *
 * @param path As the user wrote it, relative to where the command runs.
 * @throws {Error} with one line, when it may not be read, cannot be loaded, fails or does not end
 */
export async function importFile(path: string, limit = LOAD_TIME): Promise<Record<string, unknown>> {
  const url = pathToFileURL(path);
  if (Deno.permissions.querySync({ name: "read", path: url }).state !== "granted") {
    throw new Error(`Cannot load ${path}: no permission to read it, add --allow-read=${path}`);
  }
  try {
    return await untilLoaded(url, limit);
  } catch (error) {
    const why = stripVTControlCharacters(messageOf(error));
    throw new Error(`Cannot load ${path}: ${why}`, { cause: error });
  }
}

/** What the module throws or rejects beside its loading, which would end the process, is caught here. */
async function untilLoaded(url: URL, limit: number): Promise<Record<string, unknown>> {
  const failed = Promise.withResolvers<never>();
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    failed.reject(`unhandled rejection: ${messageOf(event.reason)}`);
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    failed.reject(`uncaught error: ${messageOf(event.error)}`);
  };
  // The timer also keeps Deno from ending the process with an error of its own when nothing else is left to wait for.
  const timer = setTimeout(() => {
    failed.reject(`it has not finished loading after ${limit / 1000} s, look for an await that never ends`);
  }, limit);
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  try {
    const exports = await Promise.race([import(url.href), failed.promise]);
    // A rejection is told as unhandled only when this turn of the event loop is over.
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 0)), failed.promise]);
    return exports;
  } finally {
    clearTimeout(timer);
    globalThis.removeEventListener("unhandledrejection", onRejection);
    globalThis.removeEventListener("error", onError);
  }
}
