/**
 * Processes under test.
 *
 * @module
 */

/** The root of the repository, where processes are started. */
export const ROOT = new URL("../../", import.meta.url).pathname;

/** Whether tests may start processes and use files; under `deno test --allow-net` they may not, and are left out. */
export const MAY_RUN = (["run", "read", "write", "env"] as const)
  .every((name) => Deno.permissions.querySync({ name }).state === "granted");

/** A process that should have ended is killed after this long, in milliseconds. */
const LIMIT = 20_000;

/** A test that starts processes, left out where one of the programs that it needs is not installed. */
export function e2e(
  name: string,
  fn: (t: Deno.TestContext) => Promise<void>,
  programs: readonly string[] = [],
): void {
  Deno.test({ name, ignore: !MAY_RUN || !programs.every(isInstalled), fn });
}

function isInstalled(program: string): boolean {
  const folders = Deno.env.get("PATH")?.split(":") ?? [];
  return folders.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** The lines of a stream, kept as they come. */
export class Lines {
  /** Everything so far. */
  readonly all: string[] = [];
  /** Resolves at the end of the stream. */
  readonly ended: Promise<void>;
  #more = Promise.withResolvers<void>();
  #over = false;

  /** Reads the stream to its end. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#read(stream);
  }

  /** The first line from the nth (from 0) on that matches, as soon as it is there. */
  async find(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    for (let i = from;; i++) {
      while (i >= this.all.length) {
        if (this.#over) throw new Error(`no line ${pattern} among:\n${this.all.join("\n")}`);
        await this.#more.promise;
      }
      const match = pattern.exec(this.all[i]!);
      if (match !== null) return match;
    }
  }

  /** Resolves when there are at least `n` lines. */
  async count(n: number): Promise<void> {
    if (n > 0) await this.find(/^/, n - 1);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.#add(lines);
    }
    this.#over = true;
    this.#add(rest === "" ? [] : [rest]);
  }

  #add(lines: string[]): void {
    this.all.push(...lines);
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}

/** Settings of {@linkcode start}. */
export interface StartOptions {
  /** `lines` reads it, `stuck` leaves it unread, `closed` closes the reading end at once. @default {"lines"} */
  stdout?: "lines" | "stuck" | "closed";
  /** Whether the test writes to its standard input. @default {false} */
  stdin?: boolean;
  /** Added to the environment. */
  env?: Record<string, string>;
}

/** A process; disposing it kills it. */
export class Process implements AsyncDisposable {
  /** What it writes to standard output; empty unless `stdout` is `lines`. */
  readonly out: Lines;
  /** What it writes to standard error. */
  readonly err: Lines;
  readonly #child: Deno.ChildProcess;
  readonly #stuck: ReadableStream<Uint8Array> | undefined;
  readonly #closing: Promise<void> | undefined;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;

  /** Starts it, in the root of the repository. */
  constructor(command: readonly string[], { stdout = "lines", stdin = false, env = {} }: StartOptions = {}) {
    const [program, ...args] = command as [string, ...string[]];
    this.#child = new Deno.Command(program, {
      args,
      cwd: ROOT,
      env: { NO_COLOR: "1", ...env },
      stdin: stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (stdin) this.#stdin = this.#child.stdin.getWriter();
    this.err = new Lines(this.#child.stderr);
    if (stdout === "stuck") this.#stuck = this.#child.stdout;
    if (stdout === "closed") this.#closing = this.#child.stdout.cancel();
    this.out = new Lines(stdout === "lines" ? this.#child.stdout : new Blob([]).stream());
  }

  /** Its id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Writes to its standard input. */
  async type(text: string): Promise<void> {
    await this.#stdin!.write(new TextEncoder().encode(text));
  }

  /** The exit code, with everything it wrote in `out` and `err`; 137 when it had to be killed after a long time. */
  async exit(): Promise<number> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), LIMIT);
    const { code } = await this.#child.status;
    clearTimeout(timer);
    await Promise.all([this.out.ended, this.err.ended, this.#closing]);
    return code;
  }

  /** Kills it if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch { /* ended already */ }
    await this.#stdin?.close().catch(() => {});
    await this.#stuck?.cancel();
    await this.exit();
  }
}

/** Starts `main.ts` with these flags for Deno and these arguments. */
export function start(flags: readonly string[], args: readonly string[], options?: StartOptions): Process {
  return new Process([Deno.execPath(), "run", "--no-prompt", ...flags, "main.ts", ...args], options);
}

/** Starts `simple_proxy` on a free port in front of `upstream`, an address. */
export function simple(upstream: string, args: readonly string[] = [], options?: StartOptions): Process {
  const where = ["--listen", "127.0.0.1:0", "--upstream", `http://${upstream}`];
  return start([`--allow-net=127.0.0.1:0,${upstream}`], ["run", "simple_proxy", ...where, ...args], options);
}

/** The URL that the start-up lines of a proxy tell, once it is ready. */
export async function ready(proxy: Process): Promise<string> {
  await proxy.err.find(/^ready in/);
  return (await proxy.err.find(/^listening (http:.+)$/))[1]!;
}

/** What a process left behind. */
export interface Outcome {
  /** The exit code. */
  code: number;
  /** The lines of standard output. */
  out: string[];
  /** The lines of standard error. */
  err: string[];
}

/** Runs a command to its end. */
export async function outcome(command: readonly string[], env?: Record<string, string>): Promise<Outcome> {
  await using process = new Process(command, env ? { env } : {});
  return { code: await process.exit(), out: process.out.all, err: process.err.all };
}

/** Runs `main.ts` to its end. */
export async function postern(flags: readonly string[], args: readonly string[]): Promise<Outcome> {
  return await outcome([Deno.execPath(), "run", "--no-prompt", ...flags, "main.ts", ...args]);
}

/** A folder that is gone at the end of the test. */
export function tempFolder(): Disposable & { path: string; write(name: string, text: string): string } {
  const path = Deno.makeTempDirSync({ prefix: "postern-" });
  return {
    path,
    write(name, text) {
      Deno.writeTextFileSync(`${path}/${name}`, text);
      return `${path}/${name}`;
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
