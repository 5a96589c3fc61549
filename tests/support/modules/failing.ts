/**
 * A module whose hooks fail in the way that the target of a request names: `/<hook>/<failure>`.
 *
 * @module
 */
import type { FilteredChunk, Peer, RequestHead, ResponseHead, Session } from "../../../src/mod.ts";

/** Replaced by the test. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:1" }];

const forever = new Promise<never>(() => {});
const kept: unknown[] = [];

const FAILURES: Record<string, (headers: RequestHead["headers"]) => unknown> = {
  loop: () => {
    for (;;);
  },
  // The loop begins when the call of the hook has returned.
  late_loop: async () => {
    await undefined;
    for (;;);
  },
  stubborn_loop: () => {
    for (;;) {
      try {
        for (;;);
      } finally {
        // deno-lint-ignore no-unsafe-finally
        continue;
      }
    }
  },
  never: () => forever,
  throws: () => {
    throw new Error("thrown on purpose");
  },
  rejects: () => Promise.reject(new Error("rejected on purpose")),
  rejection_later: () => void setTimeout(() => Promise.reject(new Error("rejected later")), 10),
  error_later: () =>
    void setTimeout(() => {
      throw new Error("thrown later");
    }, 10),
  loop_later: () =>
    void setTimeout(() => {
      for (;;);
    }, 10),
  big_header: (headers) => headers.set("x-big", "x".repeat(100_000_000)),
  big_body: () => new Response(new Uint8Array(100_000_000)),
  big_chunk: () => new Uint8Array(100_000_000),
  odd: () => () => {},
  heap_at_once: () => {
    for (;;) kept.push({ a: kept.length, b: [1, 2, 3] });
  },
  buffers_at_once: () => {
    for (;;) kept.push(new Uint8Array(1_000_000).fill(1));
  },
  heap_growing: () =>
    void setInterval(() => kept.push(Array.from({ length: 500_000 }, (_, i) => i + 0.5)), 10),
  buffers_growing: () => void setInterval(() => kept.push(new Uint8Array(5_000_000).fill(1)), 10),
};

function fail(hook: string, { request: { target, headers } }: Session, given = headers): unknown {
  const [, where, how] = target.split("/");
  return where === hook ? FAILURES[how!]!(given) : undefined;
}

/** Fails where it is told to. */
export function requestFilter(session: Session): Promise<Response | void> {
  return fail("requestFilter", session) as Promise<Response | void>;
}

/** The one upstream. */
export function upstreamPeer(): Peer {
  return upstreams[0]!;
}

/** Fails where it is told to. */
export function requestBodyFilter(session: Session): FilteredChunk {
  return fail("requestBodyFilter", session) as FilteredChunk;
}

/** Fails where it is told to. */
export function responseFilter(session: Session, { headers }: ResponseHead): Promise<void> {
  return fail("responseFilter", session, headers) as Promise<void>;
}

/** Fails where it is told to. */
export function responseBodyFilter(session: Session): FilteredChunk {
  return fail("responseBodyFilter", session) as FilteredChunk;
}
