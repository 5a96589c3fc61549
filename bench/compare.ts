/**
 * Postern and other proxies under the same load, side by side; README.md tells how it is done.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Case, CASES, check } from "./cases.ts";
import { cleanly, messageOf, note, print } from "./cleanup.ts";
import { short, table } from "./markdown.ts";
import { best, measure, type Result } from "./measure.ts";
import { startOrigin } from "./origin.ts";
import { caddy } from "./peers/caddy.ts";
import { fastProxy, fastProxyUndici } from "./peers/fast_proxy.ts";
import { fetchProxy } from "./peers/fetch.ts";
import { haproxy } from "./peers/haproxy.ts";
import { httpProxy, httpProxyOnDeno } from "./peers/http_proxy.ts";
import { nginx, nginxBuffers } from "./peers/nginx.ts";
import type { Peer } from "./peers/peer.ts";
import { postern } from "./peers/postern.ts";
import { Missing, run, stopping } from "./process.ts";

const PEERS: readonly Peer[] = [
  nginx,
  nginxBuffers,
  postern,
  haproxy,
  caddy,
  fastProxy,
  fastProxyUndici,
  httpProxy,
  httpProxyOnDeno,
  fetchProxy,
];
const HEAD = [
  ...["proxy", "requests/s", "CPU us/request", "x nginx", "core busy", "p50 ms", "p99 ms", "RSS MB", "MB/s"],
  "errors",
];

const { seconds, rounds, peers, cases } = options();
const limit = 120 + 3 * (seconds + 20) * rounds * peers.length * cases.length;
await cleanly(limit, async (dir) => {
  if (navigator.hardwareConcurrency < 2) throw new Error("two cores are needed, one for the proxy alone");
  await run(["taskset", "-a", "-c", "-p", "1", `${Deno.pid}`], 10);
  const { port } = await startOrigin(dir);
  const origin = `127.0.0.1:${port}`;
  const left = new Map<Peer, string>();
  const about: string[] = [];
  for (const peer of peers) {
    try {
      about.push(`- ${peer.name}: ${(await peer.about()).trim()}`);
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      left.set(peer, error.message);
    }
  }
  print(
    `Measured for ${seconds} s each, ${rounds === 1 ? "once" : `the best of ${rounds} rounds`}.\n\n${
      about.join("\n")
    }`,
  );
  let failures = 0;
  for (const kind of cases) {
    await check(kind, port);
    const found = new Map<Peer, Result[]>();
    const failed: string[] = [];
    // Round after round, so that a machine that changes its speed does so to all.
    for (const peer of Array.from({ length: rounds }, () => peers).flat()) {
      if (left.has(peer)) continue;
      note(`${kind.title}: ${peer.name}`);
      try {
        const result = await measureOne(peer, kind, `${dir}/${peer.name}`, origin);
        found.set(peer, [...found.get(peer) ?? [], result]);
      } catch (error) {
        if (stopping()) throw error;
        if (error instanceof Missing) left.set(peer, error.message);
        else failed.push(`failed: ${peer.name}: ${messageOf(error)}`);
      }
    }
    const results = [...found].map(([peer, all]): [Peer, Result] => [peer, best(all)]);
    print(`\n### ${kind.title}, ${kind.connections} connections\n`);
    print(results.length > 0 ? table(HEAD, rows(results, kind)) : "nothing was measured");
    for (const line of failed) print(`\n${line}`);
    failures += failed.length;
  }
  for (const [peer, why] of left) print(`\nskipped: ${peer.name}: ${why}`);
  return failures === 0 ? 0 : 1;
});

/** Every case gets a process of its own, so that none inherits the memory of another. */
async function measureOne(peer: Peer, kind: Case, dir: string, origin: string): Promise<Result> {
  const proxy = await peer.start(dir, origin);
  try {
    await check(kind, proxy.port);
    return await measure(proxy, kind, seconds, Math.min(3, seconds));
  } finally {
    await proxy.stop();
  }
}

function rows(results: [Peer, Result][], kind: Case): string[][] {
  const base = results.find(([peer]) => peer === nginx)?.[1].cpuMicros;
  return results.map(([peer, result]) => [
    peer.name,
    short(result.rate),
    short(result.cpuMicros),
    base === undefined ? "-" : (result.cpuMicros / base).toFixed(2),
    `${Math.round(result.busy * 100)} %`,
    short(result.p50),
    short(result.p99),
    short(result.rss / 1e6),
    kind.size >= 100 << 10 ? short(result.throughput / 1e6) : "-",
    `${result.errors}`,
  ]);
}

function options(): { seconds: number; rounds: number; peers: Peer[]; cases: Case[] } {
  try {
    const { values } = parseArgs({
      args: [...Deno.args],
      options: {
        seconds: { type: "string", default: "10" },
        rounds: { type: "string", default: "1" },
        only: { type: "string" },
        case: { type: "string" },
      },
    });
    return {
      seconds: whole("--seconds", values.seconds, 600),
      rounds: whole("--rounds", values.rounds, 100),
      peers: chosen("--only", values.only, PEERS),
      cases: chosen("--case", values.case, CASES),
    };
  } catch (error) {
    note(`error: ${messageOf(error)}`);
    Deno.exit(2);
  }
}

function whole(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(`${option} is "${text}", allowed are 1 to ${most}`);
}

function chosen<T extends { name: string }>(
  option: string,
  value: string | undefined,
  all: readonly T[],
): T[] {
  if (value === undefined) return [...all];
  const names = value.split(",");
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new RangeError(`${option} names "${unknown}", known are ${all.map(({ name }) => name).join(", ")}`);
  }
  return all.filter(({ name }) => names.includes(name));
}
