/**
 * One proxy under one kind of load.
 *
 * @module
 */
import type { Case } from "./cases.ts";
import { load } from "./load.ts";
import { usageOf } from "./proc_stat.ts";
import type { Server } from "./server.ts";

/** What came out. */
export interface Result {
  /** Requests a second. */
  rate: number;
  /** Processor time of the proxy for a request, in microseconds. */
  cpuMicros: number;
  /** How much of its core the proxy used, 0 to 1. */
  busy: number;
  /** Half of the answers took no longer, in milliseconds. */
  p50: number;
  /** 99 of 100 answers took no longer, in milliseconds. */
  p99: number;
  /** Memory of the proxy at the end, in bytes. */
  rss: number;
  /** Bytes of bodies a second. */
  throughput: number;
  /** Requests that failed. */
  errors: number;
}

/** The least disturbed of several results of one proxy: that with the least processor time for its work. */
export function best<R extends Pick<Result, "cpuMicros">>(results: readonly R[]): R {
  return results.reduce((a, b) => b.cpuMicros < a.cpuMicros ? b : a);
}

/** Warms a proxy up, then measures it. */
export async function measure(proxy: Server, kind: Case, seconds: number, warmUp: number): Promise<Result> {
  await load(kind, proxy.port, warmUp);
  const before = await usageOf(proxy.pid);
  const { requests, bytes, micros, p50, p99, errors } = await load(kind, proxy.port, seconds);
  const after = await usageOf(proxy.pid);
  // Big downloads that the end of the run cut short cost time as well, so they count by their bytes.
  const big = kind.kind === "download" && kind.size >= 1 << 20;
  const count = big ? bytes / kind.size : requests;
  if (count === 0) throw new Error(`no request succeeded, ${errors} failed`);
  const rate = count / micros * 1e6;
  return {
    rate,
    cpuMicros: (after.cpu - before.cpu) / count * 1e6,
    busy: (after.cpu - before.cpu) / micros * 1e6,
    p50: p50 / 1000,
    p99: p99 / 1000,
    rss: after.rss,
    throughput: rate * kind.size,
    errors,
  };
}
