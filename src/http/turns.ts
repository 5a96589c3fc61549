/**
 * Letting the other connections have their turn while bytes pour through some.
 *
 * Where both its sockets are always ready, nothing makes a transfer wait: its reads and writes are done as soon as they
 * are asked for. And as long as there is anything to do, Deno looks for news of its sockets only once in 61 rounds of its
 * event loop. It looks when it has to wait, and the shortest wait is that for a socket that is about to have news.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/** What all transfers together may move before they wait for a {@linkcode Bell}, in bytes. */
const SHARE = 512 * 1024;
/** What they may move in a round without one: with 61 of them, some milliseconds pass until there is news. */
const SMALL_SHARE = 64 * 1024;

/** A socket that the process itself can give news. */
export interface Bell {
  /** Resolves when the event loop has looked for news. */
  ring(): Promise<void>;
}

let bell: Bell | undefined;
/** Who could make a bell, each asked once. */
const makers = new Set<() => void>();
let left = SMALL_SHARE;
let pause: Promise<void> | undefined;
const waiting: (() => void)[] = [];

/** Has a bell used. */
export function useBell(given: Bell): void {
  bell = given;
}

/** Has a bell used no more. */
export function dropBell(given: Bell): void {
  if (bell === given) bell = undefined;
}

/** Calls back, at most once, when a bell would be of use; until the function that it gives back is called. */
export function onBellWanted(make: () => void): () => void {
  makers.add(make);
  return () => makers.delete(make);
}

/** Counts bytes that a transfer has moved. What it gives back, if anything, is to be waited for before the next ones. */
export function moving(bytes: number): Promise<void> | undefined {
  left -= bytes;
  if (left > 0 && waiting.length === 0) return undefined;
  if (bell !== undefined) {
    const used = bell;
    return pause ??= used.ring().catch(() => dropBell(used)).then(resume);
  }
  for (const make of makers) {
    makers.delete(make);
    make();
    break;
  }
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(round);
  });
}

function resume(): void {
  left = SHARE;
  pause = undefined;
}

/** Without a bell, one transfer goes on in a round, the one that has waited for longest. */
function round(): void {
  left = SMALL_SHARE;
  const next = waiting.shift()!;
  if (waiting.length > 0) setImmediate(round);
  next();
}
