/**
 * Endless bytes, and how many of them went through.
 *
 * @module
 */
import type { RawConnection } from "./origin.ts";

/** Counts what was pushed into a connection. */
export interface Flow {
  /** Bytes that the other side, or a buffer on the way to it, took. */
  pushed: number;
  /** Resolves when all was pushed (true) or the other side closed (false). */
  readonly done: Promise<boolean>;
}

/** Pushes `total` bytes into a connection as fast as it takes them. */
export function push(connection: RawConnection, total: number, from = 0): Flow {
  const piece = new Uint8Array(64 * 1024).fill(120);
  const flow = { pushed: from, done: Promise.resolve(true) };
  flow.done = (async () => {
    try {
      while (flow.pushed < total) {
        const next = piece.subarray(0, Math.min(piece.length, total - flow.pushed));
        await connection.writeBytes(next);
        flow.pushed += next.length;
      }
      return true;
    } catch {
      return false;
    }
  })();
  return flow;
}

/** Resolves when a number stopped growing for a while: nobody tells that something does not happen. */
export async function quiet(count: () => number, ms = 300): Promise<number> {
  for (let last = -1; count() !== last;) {
    last = count();
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
  return count();
}
