/**
 * What Linux counts of a process: processor time and memory.
 *
 * @module
 */

/** What a process and its children used. */
export interface Usage {
  /** Processor time since the start, user and system, in seconds. */
  cpu: number;
  /** Memory resident now, in bytes. */
  rss: number;
}

interface Stat {
  pid: number;
  parent: number;
  ticks: number;
  pages: number;
}

let units: Promise<{ tick: number; page: number }> | undefined;

/** What a process uses, the children it has now included. */
export async function usageOf(pid: number): Promise<Usage> {
  const { tick, page } = await (units ??= unitsOf());
  const family = familyOf(pid, await stats());
  if (family.length === 0) throw new Error(`Process ${pid} is gone`);
  let cpu = 0;
  let rss = 0;
  for (const { ticks, pages } of family) {
    cpu += ticks * tick;
    rss += pages * page;
  }
  return { cpu, rss };
}

/** The children of a process, theirs included. */
export async function treeOf(pid: number): Promise<number[]> {
  return familyOf(pid, await stats()).map((stat) => stat.pid).filter((one) => one !== pid);
}

function familyOf(pid: number, all: Stat[]): Stat[] {
  const family = all.filter((stat) => stat.pid === pid);
  for (const { pid: parent } of family) family.push(...all.filter((stat) => stat.parent === parent));
  return family;
}

/** Deno lets nobody read /proc who was not granted everything, so another program does. */
async function stats(): Promise<Stat[]> {
  const text = await outputOf("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null");
  return text.trim().split("\n").map((line) => {
    // The name, in parentheses, may hold anything; the fields behind it count from 3 in proc(5).
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ").map(Number);
    const field = (n: number) => fields[n - 3]!;
    return { pid: parseInt(line), parent: field(4), ticks: field(14) + field(15), pages: field(24) };
  });
}

async function unitsOf(): Promise<{ tick: number; page: number }> {
  const [hertz, page] = await Promise.all([outputOf("getconf", "CLK_TCK"), outputOf("getconf", "PAGESIZE")]);
  return { tick: 1 / Number(hertz), page: Number(page) };
}

async function outputOf(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args, stdin: "null", stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}
