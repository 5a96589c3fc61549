/**
 * What can happen to an origin, one after the other, under load, and what the clients make of it.
 *
 * @module
 */
import type { MoodyOrigin } from "./moody_origin.ts";
import type { PacedLoad, Sample } from "./paced_load.ts";

/** Something that happens to an origin, and its end. */
interface Fault {
  readonly name: string;
  begin(origin: MoodyOrigin): void | Promise<void>;
  end(origin: MoodyOrigin): void | Promise<void>;
}

const FAULTS: readonly Fault[] = [
  { name: "killed", begin: (origin) => origin.kill(), end: (origin) => origin.start() },
  { name: "frozen", begin: (origin) => origin.freeze(), end: (origin) => origin.thaw() },
  { name: "slow", begin: (origin) => origin.be("slow"), end: (origin) => origin.be("well") },
  { name: "500s", begin: (origin) => origin.be("sick"), end: (origin) => origin.be("well") },
];

/** How a fault went; times on `performance.now()`'s clock. */
export interface FaultCourse {
  /** What happened. */
  readonly name: string;
  /** To whom. */
  readonly origin: MoodyOrigin;
  /** When it began: just before it was done, and just after. */
  readonly begunAt: number;
  readonly doneAt: number;
  /** When the proxy said that it uses the origin no more. */
  readonly detectedAt: number | undefined;
  /** When the origin was well again. */
  readonly endedAt: number;
  /** When the first second began in which the origin had its whole share of the answers. */
  readonly fullAt: number | undefined;
}

/** The proxy under load. */
export interface ProxyUnderLoad {
  /** The requests. */
  load: PacedLoad;
  /** What it writes to its log, as it comes. */
  lines: readonly string[];
  /** Whether a line of the log says that the origin is out. */
  isOut(line: string, origin: MoodyOrigin): boolean;
}

/** Nothing is waited for longer than this, in milliseconds. */
const PATIENCE = 15_000;
/** A fault lasts at least this much longer than its detection takes, in milliseconds. */
const AFTERMATH = 1_000;
/** Over which the share of an origin is taken, in milliseconds. */
const WINDOW = 1_000;
/** So many answers say something of the shares. */
const ENOUGH = 40;
/** So much of its share is all of it: the load is not quite even. */
const FULL = 0.9;

/**
 * Each fault happens to an origin of its own, for `seconds` or until a second after its detection; the next one comes
 * when the origin has its whole share again.
 */
export async function faults(
  origins: readonly MoodyOrigin[],
  { load, lines, isOut }: ProxyUnderLoad,
  seconds: number,
): Promise<FaultCourse[]> {
  const courses: FaultCourse[] = [];
  for (const [i, { name, begin, end }] of FAULTS.entries()) {
    const origin = origins[i]!;
    const mark = lines.length;
    const begunAt = performance.now();
    await begin(origin);
    const doneAt = performance.now();
    const detectedAt = await when(10, () => lines.slice(mark).some((line) => isOut(line, origin)));
    const until = Math.max(begunAt + seconds * 1000, performance.now() + AFTERMATH);
    await when(10, () => performance.now() >= until, Infinity);
    await end(origin);
    const endedAt = performance.now();
    const isFull = await when(20, () => {
      const from = Math.max(endedAt, performance.now() - WINDOW);
      const { answered } = tally(load.samples, ({ sentAt }) => sentAt >= from);
      return performance.now() >= endedAt + WINDOW && answered.total >= ENOUGH &&
        answered.by(origin) >= FULL * answered.total / origins.length;
    });
    const fullAt = isFull && isFull - WINDOW;
    courses.push({ name, origin, begunAt, doneAt, detectedAt, endedAt, fullAt });
  }
  return courses;
}

/** What some of the requests came to. */
export function tally(samples: readonly Sample[], isMeant: (sample: Sample) => boolean) {
  const those = samples.filter(isMeant);
  const failed = those.filter(({ status }) => status !== 200);
  const answered = those.filter(({ status }) => status === 200);
  const times = those.map(({ sentAt, endedAt }) => endedAt - sentAt).sort((a, b) => a - b);
  return {
    total: those.length,
    failedGets: failed.filter(({ method }) => method === "GET"),
    failedPosts: failed.filter(({ method }) => method === "POST"),
    answered: {
      total: answered.length,
      by: ({ name }: MoodyOrigin): number => answered.filter(({ origin }) => origin === name).length,
    },
    p99: times[Math.min(times.length - 1, Math.floor(times.length * 0.99))] ?? NaN,
  };
}

/**
 * The requests that have to do with a span of time: those sent in it, and those under way when it began if that is when
 * a fault began. Those that a fault at its end met count as the fault's.
 */
export function within({ begins, ends, isFault = false, endsInFault = false }: Span): (s: Sample) => boolean {
  return ({ sentAt, endedAt }) =>
    (isFault ? endedAt : sentAt) >= begins && sentAt < ends && (!endsInFault || endedAt < ends);
}

/** A span of time. */
export interface Span {
  begins: number;
  ends: number;
  /** Whether a fault begins it. @default {false} */
  isFault?: boolean;
  /** Whether a fault ends it. @default {false} */
  endsInFault?: boolean;
}

/** When the condition held, looked at every few milliseconds; undefined when it did not for a long time. */
async function when(
  every: number,
  condition: () => boolean,
  patience = PATIENCE,
): Promise<number | undefined> {
  const giveUp = performance.now() + patience;
  while (!condition()) {
    if (performance.now() > giveUp) return undefined;
    await new Promise((resolve) => setTimeout(resolve, every));
  }
  return performance.now();
}
