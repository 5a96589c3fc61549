/**
 * Origins in processes of their own, for things to happen to them.
 *
 * @module
 */
import { deadAddress } from "./origin.ts";

/** A process, as far as an origin needs it. */
export interface OriginProcess {
  /** Its id. */
  readonly pid: number;
  /** Resolves when it is gone. */
  ended(): Promise<unknown>;
}

/** Starts a process; whoever gives it also ends it. */
export type StartProcess = (
  command: readonly [string, ...string[]],
) => OriginProcess | Promise<OriginProcess>;

/** It may take this long to listen, in milliseconds. */
const PATIENCE = 15_000;
const PROGRAM = new URL("./moody_origin_program.ts", import.meta.url).pathname;

/** An origin that can be killed, frozen, slowed down and made to fail, and brought back on the same port. */
export class MoodyOrigin {
  /** What it answers with. */
  readonly name: string;
  /** `127.0.0.1:port`. */
  readonly address: string = deadAddress();
  readonly #startProcess: StartProcess;
  #process: OriginProcess | undefined;

  /** Not started yet. */
  constructor(name: string, startProcess: StartProcess) {
    this.name = name;
    this.#startProcess = startProcess;
  }

  /** Starts it and waits until it answers. */
  async start(): Promise<void> {
    const flags = ["run", "--no-prompt", `--allow-net=${this.address}`];
    const args = [PROGRAM, this.name, this.address.split(":")[1]!];
    this.#process = await this.#startProcess([Deno.execPath(), ...flags, ...args]);
    const giveUp = performance.now() + PATIENCE;
    while (!await this.#tell("well").then(() => true, () => false)) {
      if (performance.now() > giveUp) throw new Error(`origin ${this.name} does not listen`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Kills it, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.#process!.ended();
  }

  /** Freezes it: the system still accepts connections, and nobody answers. */
  freeze(): void {
    this.#signal("SIGSTOP");
  }

  /** Lets it go on. */
  thaw(): void {
    this.#signal("SIGCONT");
  }

  /** Makes it answer as it should, late, or with errors. */
  async be(mood: "well" | "slow" | "sick"): Promise<void> {
    await this.#tell(mood);
  }

  #signal(signal: Deno.Signal): void {
    Deno.kill(this.#process!.pid, signal);
  }

  async #tell(mood: string): Promise<void> {
    const [hostname, port] = this.address.split(":") as [string, string];
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const request = `GET /mood/${mood} HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    if (await connection.read(new Uint8Array(1024)) === null) throw new Error(`origin ${this.name} hung up`);
  }
}
