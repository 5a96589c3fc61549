/**
 * Postern and haproxy while the origins behind them are killed, frozen, slow or failing; README.md tells how it is done.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type FaultCourse, faults, tally, within } from "../tests/support/faults.ts";
import { MoodyOrigin, type StartProcess } from "../tests/support/moody_origin.ts";
import { PacedLoad, type Sample } from "../tests/support/paced_load.ts";
import { cleanly, messageOf, note, print } from "./cleanup.ts";
import { table } from "./markdown.ts";
import { failoverHaproxy } from "./peers/failover_haproxy.ts";
import { failoverPostern } from "./peers/failover_postern.ts";
import type { FailoverPeer } from "./peers/failover_peer.ts";
import { Missing, spawn, stopping, takeLoadCore } from "./process.ts";

const PEERS: readonly FailoverPeer[] = [failoverPostern, failoverHaproxy];
/** The load before the first fault, in milliseconds. */
const CALM = 2_000;
const HEAD = [
  ...["fault", "proxy", "requests", "GETs failed", "of them late", "POSTs failed", "of them late"],
  ...["detected ms", "p99 ms", "full share ms"],
];

const seconds = options();
await cleanly(60 + PEERS.length * 4 * (seconds + 45), async (dir) => {
  await takeLoadCore();
  const startProcess: StartProcess = async (command) => {
    const { pid, ended } = await spawn(command);
    return { pid, ended: () => ended };
  };
  const origins = ["a", "b", "c", "d"].map((name) => new MoodyOrigin(name, startProcess));
  await Promise.all(origins.map((origin) => origin.start()));
  const rows: string[][] = [];
  const about: string[] = [];
  let failures = 0;
  for (const peer of PEERS) {
    note(peer.name);
    try {
      about.push(`- ${peer.name}: ${await peer.about()}`);
      rows.push(...await measureOne(peer, `${dir}/${peer.name}`, origins));
    } catch (error) {
      if (stopping()) throw error;
      const isMissing = error instanceof Missing;
      about.push(`- ${isMissing ? "skipped" : "failed"}: ${peer.name}: ${messageOf(error)}`);
      if (!isMissing) failures++;
    }
  }
  print(`Each fault lasted ${seconds} s, or until a second after its detection.\n\n${about.join("\n")}\n`);
  // Side by side: fault by fault rather than proxy by proxy.
  const order = [...new Set(rows.map(([fault]) => fault))];
  rows.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  print(table(HEAD, rows));
  return failures === 0 ? 0 : 1;
});

async function measureOne(
  peer: FailoverPeer,
  dir: string,
  origins: readonly MoodyOrigin[],
): Promise<string[][]> {
  const lines: string[] = [];
  let rest = "";
  const proxy = await peer.start(dir, origins, (text) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
  });
  try {
    const load = new PacedLoad(`127.0.0.1:${proxy.port}`);
    await new Promise((resolve) => setTimeout(resolve, CALM));
    const courses = await faults(origins, { load, lines, isOut: peer.isOut }, seconds);
    await load[Symbol.asyncDispose]();
    const [first] = courses;
    const { total, failedGets, failedPosts } = tally(
      load.samples,
      ({ endedAt }) => endedAt < first!.begunAt,
    );
    const failed = failedGets.length + failedPosts.length;
    if (failed > 0) throw new Error(`${failed} of ${total} requests failed before the first fault`);
    return courses.map((course, i) => row(peer, course, courses[i + 1]?.begunAt ?? Infinity, load.samples));
  } finally {
    await proxy.stop();
  }
}

function row(
  { name }: FailoverPeer,
  { name: fault, begunAt, detectedAt, endedAt, fullAt }: FaultCourse,
  ends: number,
  samples: readonly Sample[],
): string[] {
  const whole = tally(samples, within({ begins: begunAt, ends, isFault: true, endsInFault: true }));
  const late = tally(samples, within({ begins: detectedAt ?? Infinity, ends, endsInFault: true }));
  const during = tally(samples, within({ begins: begunAt, ends: endedAt, isFault: true }));
  const since = (from: number, at: number | undefined) => at === undefined ? "never" : (at - from).toFixed(0);
  return [
    fault,
    name,
    `${whole.total}`,
    ...[whole.failedGets, late.failedGets, whole.failedPosts, late.failedPosts].map(({ length }) =>
      `${length}`
    ),
    since(begunAt, detectedAt),
    during.p99.toFixed(0),
    since(endedAt, fullAt),
  ];
}

function options(): number {
  try {
    const { values } = parseArgs({
      args: [...Deno.args],
      options: { seconds: { type: "string", default: "5" } },
    });
    const seconds = Number(values.seconds);
    if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 600) return seconds;
    throw new RangeError(`--seconds is "${values.seconds}", allowed are 1 to 600`);
  } catch (error) {
    note(`error: ${messageOf(error)}`);
    Deno.exit(2);
  }
}
