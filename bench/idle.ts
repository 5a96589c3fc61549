/**
 * What idle connections cost Postern, on either front, and nginx; README.md tells how it is done.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Case, CASES, check } from "./cases.ts";
import { cleanly, print } from "./cleanup.ts";
import { short, table } from "./markdown.ts";
import { measure, type Result } from "./measure.ts";
import { asked, chosen, whole } from "./options.ts";
import { startOrigin } from "./origin.ts";
import { nginxIdle } from "./peers/nginx.ts";
import type { Peer } from "./peers/peer.ts";
import { postern, posternTcp } from "./peers/postern.ts";
import { usageOf } from "./proc_stat.ts";
import { run, takeLoadCore } from "./process.ts";
import { ask, startProgram } from "./program.ts";
import { SideBySide } from "./side_by_side.ts";

const PEERS: readonly Peer[] = [posternTcp, postern, nginxIdle];
/** The client that is not idle. */
const BUSY: Case = { ...CASES[0]!, connections: 16 };
/** Descriptors that a process needs besides those of the idle connections. */
const OTHERS = 1_000;
/** Memory is looked at this often, in milliseconds, until it stays as it is or this many looks were taken. */
const LOOK = 1_000;
const LOOKS = 8;

const MEMORY = [
  ...[
    "proxy",
    "RSS MB before",
    "connected",
    "after a request",
    "KB each, connected",
    "KB each, after a request",
  ],
  "closed",
];
const LOAD = ["proxy", "p50 ms", "with idle", "p99 ms", "with idle", "requests/s", "with idle", "errors"];

/** One proxy without and with idle connections; memory in bytes. */
interface Course {
  before: number;
  connected: number;
  idle: number;
  without: Result;
  with: Result;
  closed: number;
}

const { seconds, connections, peers } = asked((args) => {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "5" },
      connections: { type: "string", default: "10000" },
      only: { type: "string" },
    },
  });
  return {
    seconds: whole("--seconds", values.seconds, 600),
    connections: whole("--connections", values.connections, 18_000),
    peers: chosen("--only", values.only, PEERS),
  };
});
await cleanly(60 + peers.length * (240 + 4 * seconds), async (dir) => {
  await takeLoadCore();
  await checkDescriptors();
  const { port } = await startOrigin(dir);
  await check(BUSY, port);
  const sideBySide = new SideBySide(peers);
  const about = await sideBySide.about();
  print(`Load of ${seconds} s, without idle connections and with them.\n\n${about}`);
  await sideBySide.measure(
    `${connections} idle connections`,
    1,
    (peer) => measureOne(peer, `${dir}/${peer.name}`, `127.0.0.1:${port}`),
    (all) => {
      const courses = all.map(([{ name }, [course]]): [string, Course] => [name, course!]);
      return `${table(MEMORY, courses.map(memoryRow))}\n\n${table(LOAD, courses.map(loadRow))}`;
    },
  );
  return sideBySide.end();
});

/** The load comes first, so that memory that a proxy takes for its work is not taken for that of the connections. */
async function measureOne(peer: Peer, dir: string, origin: string): Promise<Course> {
  const proxy = await peer.start(dir, origin);
  try {
    await check(BUSY, proxy.port);
    const without = await measure(proxy, BUSY, seconds, Math.min(3, seconds));
    const client = await startProgram("idle_client.ts", proxy.port, connections);
    try {
      const before = await settledMemory(proxy.pid);
      await ask(client, "/connect");
      const connected = await settledMemory(proxy.pid);
      await ask(client, "/request");
      const idle = await settledMemory(proxy.pid);
      const loaded = await measure(proxy, BUSY, seconds, Math.min(3, seconds));
      return { before, connected, idle, without, with: loaded, closed: await ask<number>(client, "/closed") };
    } finally {
      await client.stop();
    }
  } finally {
    await proxy.stop();
  }
}

/** What is resident once it does not change any more: a garbage collector takes its time. */
async function settledMemory(pid: number): Promise<number> {
  let last = (await usageOf(pid)).rss;
  let same = 0;
  for (let i = 0; i < LOOKS && same < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    const { rss } = await usageOf(pid);
    same = Math.abs(rss - last) < 0.005 * last ? same + 1 : 0;
    last = rss;
  }
  return last;
}

function memoryRow([name, { before, connected, idle, closed }]: [string, Course]): string[] {
  const each = (rss: number) => ((rss - before) / connections / 1000).toFixed(1);
  return [
    name,
    ...[before, connected, idle].map((rss) => short(rss / 1e6)),
    ...[connected, idle].map(each),
    `${closed}`,
  ];
}

function loadRow([name, { without, with: loaded }]: [string, Course]): string[] {
  const pairs = (["p50", "p99", "rate"] as const).flatMap((one) => [short(without[one]), short(loaded[one])]);
  return [name, ...pairs, `${without.errors + loaded.errors}`];
}

/** Proxy and client inherit the limit of this program. */
async function checkDescriptors(): Promise<void> {
  const limit = Number((await run(["sh", "-c", "ulimit -n"], 10)).output);
  if (limit >= connections + OTHERS) return;
  throw new Error(`${connections + OTHERS} open files are needed, allowed are ${limit}: see ulimit -n`);
}
