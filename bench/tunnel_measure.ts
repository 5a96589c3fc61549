/**
 * Tunnels through one proxy, kept busy and counted.
 *
 * @module
 */
import { usageOf } from "./proc_stat.ts";
import { ask, startProgram } from "./program.ts";
import type { Server } from "./server.ts";

/** One way to keep tunnels busy. */
export interface TunnelCase {
  /** For `--case`, and what the origin is asked for. */
  name: "download" | "upload" | "messages";
  /** For the report. */
  title: string;
  /** How many at once. */
  tunnels: number;
}

/** What the load counted in some time. */
export interface TunnelCounts {
  /** Bytes that came or were sent. */
  bytes: number;
  /** Messages that came back. */
  messages: number;
  /** How long it took, in microseconds. */
  micros: number;
  /** Half of the messages took no longer to come back, in microseconds. */
  p50: number;
  /** 99 of 100 messages took no longer to come back, in microseconds. */
  p99: number;
}

/** What came out. */
export interface TunnelResult {
  /** Bytes or messages a second. */
  rate: number;
  /** Processor time of the proxy for a byte or a message, in microseconds. */
  cpuMicros: number;
  /** How much of its core the proxy used, 0 to 1. */
  busy: number;
  /** Half of the messages took no longer to come back, in microseconds. */
  p50: number;
  /** 99 of 100 messages took no longer to come back, in microseconds. */
  p99: number;
  /** Memory of the proxy at the end, in bytes. */
  rss: number;
}

/**
 * Opens tunnels, warms them up, then measures. The tunnels stay busy all the while: bytes that wait in a buffer are as
 * many at the end as at the beginning, and neither the opening nor the end counts.
 *
 * @param target The proxy, or the origin itself.
 * @throws {Error} when a tunnel cannot be opened, breaks or stands still
 */
export async function measureTunnels(
  target: Server,
  { name, tunnels }: TunnelCase,
  seconds: number,
  warmUp: number,
): Promise<TunnelResult> {
  const program = name === "messages" ? "message_load.ts" : "tunnel_load.ts";
  const load = await startProgram(program, target.port, tunnels, name);
  try {
    await pause(warmUp);
    await ask<TunnelCounts>(load, "/");
    const before = await usageOf(target.pid);
    await pause(seconds);
    const { bytes, messages, micros, p50, p99 } = await ask<TunnelCounts>(load, "/");
    const after = await usageOf(target.pid);
    const count = name === "messages" ? messages : bytes;
    if (count === 0) throw new Error("nothing went through the tunnels");
    const cpu = (after.cpu - before.cpu) * 1e6;
    return {
      rate: count / micros * 1e6,
      cpuMicros: cpu / count,
      busy: cpu / micros,
      p50,
      p99,
      rss: after.rss,
    };
  } finally {
    await load.stop();
  }
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
