/**
 * Load, made by wrk.
 *
 * @module
 */
import type { Case } from "./cases.ts";
import { run } from "./process.ts";

/** What wrk counted. */
export interface Load {
  /** Requests answered in full. */
  requests: number;
  /** Bytes received, heads and answers not finished included. */
  bytes: number;
  /** How long it took, in microseconds. */
  micros: number;
  /** Half of the answers took no longer, in microseconds. */
  p50: number;
  /** 99 of 100 answers took no longer, in microseconds. */
  p99: number;
  /** Connections that failed or broke, answers of 400 and above, time-outs. */
  errors: number;
}

const SCRIPT = new URL("load.lua", import.meta.url).pathname;

/** Puts load on a proxy for some seconds. */
export async function load(kind: Case, port: number, seconds: number): Promise<Load> {
  const { output } = await run(
    [
      "wrk",
      ...["-t", "1", "-c", `${kind.connections}`, "-d", `${seconds}s`, "--timeout", "10s", "-s", SCRIPT],
      `http://127.0.0.1:${port}${kind.path}`,
    ],
    seconds + 30,
    { env: { UPLOAD: `${kind.kind === "upload" ? kind.size : 0}` } },
  );
  const json = output.split("\n").find((line) => line.startsWith("{"));
  if (json === undefined) throw new Error(`wrk did not say what it counted: ${output}`);
  return JSON.parse(json);
}
