/**
 * `demo`: the load balancer sample between two small origins, all on this machine.
 *
 * @module
 */
import { messageOf } from "../http/errors.ts";
import { needsOf } from "../sandbox/needs.ts";
import { missingText } from "../sandbox/verify.ts";
import type { Samples } from "./load.ts";
import { load } from "./loaded.ts";
import { setupLogs } from "./logs.ts";
import { cannotListen, runUntilStopped, start } from "./run.ts";

/** Where the two origins listen. */
const ORIGINS = ["127.0.0.1:6189", "127.0.0.1:6190"] as const;

/** Runs the demo until a signal; the exit code. */
export async function demo(samples: Samples): Promise<number> {
  const logs = setupLogs("INFO", { format: "common" });
  const origins = ORIGINS.map((address, i) => new Origin(i + 1, address));
  const upstreams = ORIGINS.map((address) => `http://${address}`);
  const loaded = await load("load_balancer", samples, { upstreams, sandbox: undefined });
  const problem = missingText(needsOf(loaded.module)) ?? startAll(origins);
  if (problem !== undefined) logs.say(`error: ${problem}`);
  const running = problem === undefined
    ? await start(loaded, { listen: undefined, listener: {}, strict: false }, logs)
    : null;
  if (running !== null) {
    logs.say("");
    logs.say(`  curl http://${running.address}/     the two origins answer in turn`);
    logs.say("  type 1 or 2 and Enter to stop that origin, again to start it; Ctrl-C ends");
    logs.say("");
    obeyKeys(origins, logs.say);
    await runUntilStopped(running, logs);
  }
  await Promise.all(origins.map((origin) => origin.stop()));
  await logs.flush();
  return running === null ? 1 : 0;
}

/** Starts the origins; what is wrong with the first that cannot be. */
function startAll(origins: readonly Origin[]): string | undefined {
  for (const origin of origins) {
    try {
      origin.start();
    } catch (error) {
      const hint = error instanceof Deno.errors.AddrInUse ? ", is another demo running?" : "";
      return cannotListen(origin.address, error) + hint;
    }
  }
  return undefined;
}

/** An origin that says its name. */
class Origin {
  /** Where it listens. */
  readonly address: string;
  readonly #number: number;
  #server: Deno.HttpServer | null = null;
  #closing: AbortController | null = null;

  constructor(number: number, address: string) {
    this.#number = number;
    this.address = address;
  }

  start(): void {
    const [hostname, port] = this.address.split(":") as [string, string];
    this.#closing = new AbortController();
    const { signal } = this.#closing;
    this.#server = Deno.serve(
      { hostname, port: Number(port), signal, onListen() {} },
      () => new Response(`hello from origin ${this.#number}, ${this.address}\n`),
    );
  }

  async stop(): Promise<void> {
    this.#closing?.abort();
    await this.#server?.finished;
    this.#server = null;
  }

  /** Stops it if it runs, starts it if not; what it did, or why it could not. */
  async toggle(): Promise<string> {
    const wasRunning = this.#server !== null;
    try {
      if (wasRunning) await this.stop();
      else this.start();
    } catch (error) {
      const why = wasRunning ? messageOf(error) : cannotListen(this.address, error);
      return `error: origin ${this.#number}: ${why}`;
    }
    return `origin ${this.#number} (${this.address}) ${wasRunning ? "stopped" : "started"}`;
  }
}

async function obeyKeys(origins: readonly Origin[], say: (line: string) => void): Promise<void> {
  const text = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const typed of text) {
    for (const key of typed) {
      const origin = origins[Number(key) - 1];
      if (origin !== undefined) say(await origin.toggle());
    }
  }
}
