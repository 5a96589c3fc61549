/**
 * Servers on loopback, run as processes.
 *
 * @module
 */
import { type Child, spawn, type SpawnOptions } from "./process.ts";

/** How long a server may take to listen, in milliseconds. */
const START = 10_000;

/** A server that accepts connections on 127.0.0.1. */
export interface Server {
  /** Its process. */
  readonly pid: number;
  /** Its port. */
  readonly port: number;
  /** Ends it and waits. */
  stop(): Promise<void>;
}

/** A port that nobody uses now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/**
 * Starts a server and waits until it accepts connections.
 *
 * @throws {Missing} when it is not installed
 * @throws {Error} with its own words, when it ends instead
 */
export async function startServer(
  command: readonly [string, ...string[]],
  port: number,
  options?: SpawnOptions,
): Promise<Server> {
  const child = await spawn(command, options);
  try {
    await waitFor(child, port, command[0]);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { pid: child.pid, port, stop: child.stop };
}

async function waitFor(child: Child, port: number, name: string): Promise<void> {
  let code: number | undefined;
  child.ended.then((it) => code = it);
  const deadline = performance.now() + START;
  while (!await accepts(port)) {
    if (code !== undefined) throw new Error(`${name} ended with code ${code}: ${child.messages()}`);
    if (performance.now() > deadline) throw new Error(`${name} does not listen after ${START / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Whether something on 127.0.0.1 accepts connections there. */
export async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
