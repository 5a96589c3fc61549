/**
 * Network namespaces: addresses of the internet on this machine, seen by the processes inside alone.
 *
 * @module
 */
import { MAY_RUN, outcome, Process, type StartOptions } from "./process.ts";

/** Why there can be no namespaces, or undefined when there can. */
export async function whyNoNamespaces(): Promise<string | undefined> {
  if (!MAY_RUN) return "processes may not be started";
  if (Deno.build.os !== "linux") return "there are none but on Linux";
  try {
    await (await Namespace.open([]))[Symbol.asyncDispose]();
    const curl = await outcome(["curl", "--version"]);
    return curl.code === 0 ? undefined : "there is no curl";
  } catch (error) {
    return (error as Error).message;
  }
}

/** A network namespace; disposing it removes it. */
export class Namespace implements AsyncDisposable {
  readonly #name: string;

  private constructor(name: string) {
    this.#name = name;
  }

  /** Makes one in which these addresses are the machine's own. */
  static async open(addresses: readonly string[]): Promise<Namespace> {
    const name = `postern-${crypto.randomUUID().slice(0, 8)}`;
    await ip(["netns", "add", name]);
    const namespace = new Namespace(name);
    try {
      await ip(["-n", name, "link", "set", "lo", "up"]);
      for (const address of addresses) await ip(["-n", name, "addr", "add", `${address}/32`, "dev", "lo"]);
    } catch (error) {
      await namespace[Symbol.asyncDispose]();
      throw error;
    }
    return namespace;
  }

  /** Starts a process inside. */
  start(command: readonly string[], options?: StartOptions): Process {
    return new Process(["ip", "netns", "exec", this.#name, ...command], options);
  }

  /** The lines of standard output of a command run inside. */
  async run(command: readonly string[]): Promise<string[]> {
    const { code, out, err } = await outcome(["ip", "netns", "exec", this.#name, ...command]);
    if (code !== 0) throw new Error(`${command.join(" ")}: exit code ${code}: ${err.join(" ")}`);
    return out;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ip(["netns", "del", this.#name]);
  }
}

async function ip(args: readonly string[]): Promise<void> {
  const { code, err } = await outcome(["ip", ...args]);
  if (code !== 0) throw new Error(`ip ${args.join(" ")}: ${err.join(" ")}`);
}
