/**
 * Programs of this folder that run beside the measuring one and are asked over HTTP.
 *
 * @module
 */
import { freePort, type Server, startServer } from "./server.ts";

const FOLDER = new URL(".", import.meta.url).pathname;

/**
 * Starts one on the core of the load, as `FILE PORT ARGUMENT...`, and waits until it listens on that port. Beyond
 * 127.0.0.1 it may use C's library, as `libc.ts` does.
 */
export async function startProgram(file: string, ...args: (string | number)[]): Promise<Server> {
  const port = freePort();
  const command: [string, ...string[]] = [
    Deno.execPath(),
    ...[
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "--allow-ffi",
      `${FOLDER}${file}`,
      `${port}`,
      ...args.map(String),
    ],
  ];
  return await startServer(command, port);
}

/**
 * What it answers to a GET.
 *
 * @throws {Error} with its words, when it cannot do what it is asked for
 */
export async function ask<T>({ port }: Server, path: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  if (response.ok) return await response.json();
  throw new Error(await response.text());
}
