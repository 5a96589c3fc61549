/**
 * Starting and stopping processes, each on one core.
 *
 * @module
 */
import { treeOf } from "./proc_stat.ts";

/** The core that the proxy under test has for itself. */
export const PROXY_CORE = 0;
/** The core of everything else: load, origin, these programs. */
export const LOAD_CORE = 1;

/** How long a process may take to end before it is killed, in milliseconds. */
const PATIENCE = 3_000;
/** How much of a process's messages is kept for an error. */
const TAIL = 2_000;

/** A program that is not installed; what needs it is left out. */
export class Missing extends Error {}

/** Differences from a process with this one's environment on the core of the load. */
export interface SpawnOptions {
  /** The core it is bound to, or `any`. @default {LOAD_CORE} */
  core?: number | "any";
  /** Environment variables added. */
  env?: Record<string, string>;
  /** Is told of every piece that it writes to standard error. */
  onMessage?: (text: string) => void;
}

/** A process under way. */
export interface Child {
  /** Its id; binding it to a core does not put another process in between. */
  readonly pid: number;
  /** Its exit code, once it ended. */
  readonly ended: Promise<number>;
  /** All it wrote to standard output, once it ended. */
  readonly output: Promise<string>;
  /** The end of what it wrote to standard error so far. */
  messages(): string;
  /** Asks it to end, makes it end after a while, and waits. */
  stop(): Promise<void>;
}

const live = new Set<Child>();
let stopped = false;

/**
 * Starts a program.
 *
 * @throws {Missing} when it is not installed
 */
export async function spawn(
  [name, ...args]: readonly [string, ...string[]],
  { core = LOAD_CORE, env = {}, onMessage }: SpawnOptions = {},
): Promise<Child> {
  const program = await find(name);
  if (stopped) throw new Error(`Cannot start ${name}: everything is being stopped`);
  const [first, ...rest] = core === "any"
    ? [program, ...args]
    : ["taskset", "-c", `${core}`, program, ...args];
  const process = new Deno.Command(first!, {
    args: rest,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let messages = "";
  const reading = process.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({
      write(text) {
        messages = (messages + text).slice(-TAIL);
        onMessage?.(text);
      },
    }),
  ).catch(() => {});
  const output = new Response(process.stdout).text();
  const ended = process.status.then(async ({ code }) => {
    await reading;
    live.delete(child);
    return code;
  });
  const child: Child = {
    pid: process.pid,
    ended,
    output,
    messages: () => messages.trim(),
    stop: () => stop(child),
  };
  live.add(child);
  return child;
}

/**
 * Runs a program to its end.
 *
 * @param limit Seconds it may take.
 * @throws {Missing} when it is not installed
 * @throws {Error} when it fails or takes too long
 */
export async function run(
  command: readonly [string, ...string[]],
  limit: number,
  options?: SpawnOptions,
): Promise<{ output: string; messages: string }> {
  const child = await spawn(command, options);
  const timer = setTimeout(() => void child.stop(), limit * 1000);
  const code = await child.ended;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${command[0]} ended with code ${code}: ${child.messages()}`);
  return { output: await child.output, messages: child.messages() };
}

/** Leaves the proxy's core to the proxy: this program and all its threads go to that of the load. */
export async function takeLoadCore(): Promise<void> {
  if (navigator.hardwareConcurrency < 2) throw new Error("two cores are needed, one for the proxy alone");
  await run(["taskset", "-a", "-c", "-p", `${LOAD_CORE}`, `${Deno.pid}`], 10);
}

/** Whether everything is being stopped, so that failures mean nothing. */
export function stopping(): boolean {
  return stopped;
}

/** Stops all that was started, and lets nothing start any more. */
export async function stopAll(): Promise<void> {
  stopped = true;
  await Promise.all([...live].map((child) => child.stop()));
}

async function stop(child: Child): Promise<void> {
  if (!live.has(child)) return;
  const family = await treeOf(child.pid);
  kill(child.pid, "SIGTERM");
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), PATIENCE));
  if (await Promise.race([child.ended, late]) === "late") {
    for (const pid of [child.pid, ...family]) kill(pid, "SIGKILL");
    await child.ended;
  }
  clearTimeout(timer);
}

function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It is gone.
  }
}

/** Debian keeps servers out of an ordinary user's PATH. */
async function find(name: string): Promise<string> {
  if (name.includes("/")) return name;
  for (const dir of [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"]) {
    if (dir !== "" && (await Deno.stat(`${dir}/${name}`).catch(() => null))?.isFile) return `${dir}/${name}`;
  }
  throw new Missing(`${name} is not installed`);
}
