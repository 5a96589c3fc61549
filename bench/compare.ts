/**
 * Postern and other proxies under the same load, side by side; README.md tells how it is done.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Case, CASES, check } from "./cases.ts";
import { cleanly, print } from "./cleanup.ts";
import { short, table } from "./markdown.ts";
import { best, measure, type Result } from "./measure.ts";
import { asked, comparison, COMPARISON_OPTIONS } from "./options.ts";
import { startOrigin } from "./origin.ts";
import { caddy } from "./peers/caddy.ts";
import { fastProxy, fastProxyUndici } from "./peers/fast_proxy.ts";
import { fetchProxy } from "./peers/fetch.ts";
import { haproxy } from "./peers/haproxy.ts";
import { httpProxy, httpProxyOnDeno } from "./peers/http_proxy.ts";
import { nginx, nginxBuffers } from "./peers/nginx.ts";
import type { Peer } from "./peers/peer.ts";
import { postern, posternTcp } from "./peers/postern.ts";
import { posternConfig } from "./peers/postern_config.ts";
import { takeLoadCore } from "./process.ts";
import { SideBySide } from "./side_by_side.ts";

const PEERS: readonly Peer[] = [
  nginx,
  nginxBuffers,
  postern,
  posternTcp,
  posternConfig,
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

const { seconds, rounds, peers, cases } = asked((args) =>
  comparison(parseArgs({ args, options: COMPARISON_OPTIONS }).values, PEERS, CASES)
);
const limit = 120 + 3 * (seconds + 20) * rounds * peers.length * cases.length;
await cleanly(limit, async (dir) => {
  await takeLoadCore();
  const { port } = await startOrigin(dir);
  const origin = `127.0.0.1:${port}`;
  const sideBySide = new SideBySide(peers);
  const about = await sideBySide.about();
  print(
    `Measured for ${seconds} s each, ${rounds === 1 ? "once" : `the best of ${rounds} rounds`}.\n\n${about}`,
  );
  for (const kind of cases) {
    await check(kind, port);
    await sideBySide.measure(
      `${kind.title}, ${kind.connections} connections`,
      rounds,
      (peer) => measureOne(peer, kind, `${dir}/${peer.name}`, origin),
      (all) => table(HEAD, rows(all.map(([peer, results]) => [peer, best(results)]), kind)),
    );
  }
  return sideBySide.end();
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
