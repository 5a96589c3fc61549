/**
 * Upgraded connections through Postern and other proxies, side by side; README.md tells how it is done.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { cleanly, note, print } from "./cleanup.ts";
import { short, table } from "./markdown.ts";
import { best } from "./measure.ts";
import { asked, comparison, COMPARISON_OPTIONS, whole } from "./options.ts";
import { haproxy } from "./peers/haproxy.ts";
import { nginxTunnels, nginxTunnelsBuffers } from "./peers/nginx.ts";
import type { Peer } from "./peers/peer.ts";
import { posternTcp } from "./peers/postern.ts";
import { takeLoadCore } from "./process.ts";
import { startProgram } from "./program.ts";
import { SideBySide } from "./side_by_side.ts";
import { measureTunnels, type TunnelCase, type TunnelResult } from "./tunnel_measure.ts";

const PEERS: readonly Peer[] = [nginxTunnels, nginxTunnelsBuffers, haproxy, posternTcp];
const CASES: readonly TunnelCase[] = [
  { name: "download", title: "bytes down as fast as they go", tunnels: 4 },
  { name: "upload", title: "bytes up as fast as they go", tunnels: 4 },
  { name: "messages", title: "messages of 64 bytes, there and back one at a time", tunnels: 64 },
];
/** Load and origin without a proxy should be faster than a proxy by this factor; otherwise its rate says little. */
const MARGIN = 1.3;

const { seconds, rounds, peers, cases } = asked((args) => {
  const options = { ...COMPARISON_OPTIONS, tunnels: { type: "string" } } as const;
  const { values } = parseArgs({ args, options });
  const found = comparison(values, PEERS, CASES);
  if (values.tunnels === undefined) return found;
  const tunnels = whole("--tunnels", values.tunnels, 1000);
  return { ...found, cases: found.cases.map((kind) => ({ ...kind, tunnels })) };
});
const warmUp = Math.min(3, seconds);
const limit = 120 + 3 * (seconds + 20) * rounds * (peers.length + 1) * cases.length;
await cleanly(limit, async (dir) => {
  await takeLoadCore();
  const sideBySide = new SideBySide(peers);
  const about = await sideBySide.about();
  print(
    `Measured for ${seconds} s each, ${rounds === 1 ? "once" : `the best of ${rounds} rounds`}.\n\n${about}`,
  );
  for (const kind of cases) {
    note(`${kind.title}: no proxy`);
    const origin = await startProgram(kind.name === "messages" ? "message_origin.ts" : "tunnel_origin.ts");
    const direct = await measureTunnels(origin, kind, seconds, warmUp);
    await sideBySide.measure(
      `${kind.title}, ${kind.tunnels} tunnels`,
      rounds,
      (peer) => measureOne(peer, kind, `${dir}/${peer.name}`, `127.0.0.1:${origin.port}`),
      (all) => report(kind, direct, all.map(([peer, results]) => [peer, best(results)])),
    );
    await origin.stop();
  }
  return sideBySide.end();
});

/** Every case gets a process of its own, so that none inherits the memory of another. */
async function measureOne(peer: Peer, kind: TunnelCase, dir: string, origin: string): Promise<TunnelResult> {
  const proxy = await peer.start(dir, origin);
  try {
    return await measureTunnels(proxy, kind, seconds, warmUp);
  } finally {
    await proxy.stop();
  }
}

function report(kind: TunnelCase, direct: TunnelResult, results: [Peer, TunnelResult][]): string {
  const isMessages = kind.name === "messages";
  const head = isMessages
    ? ["proxy", "messages/s", "CPU us/message", "x haproxy", "core busy", "p50 us", "p99 us", "RSS MB"]
    : ["proxy", "MB/s", "CPU ms/MB", "x haproxy", "core busy", "RSS MB"];
  const base = results.find(([peer]) => peer === haproxy)?.[1].cpuMicros;
  const rate = (one: TunnelResult) => short(isMessages ? one.rate : one.rate / 1e6);
  const trips = (one: TunnelResult) => isMessages ? [short(one.p50), short(one.p99)] : [];
  const rows = results.map(([{ name }, result]) => [
    name,
    rate(result),
    isMessages ? short(result.cpuMicros) : (result.cpuMicros * 1000).toFixed(3),
    base === undefined ? "-" : (result.cpuMicros / base).toFixed(2),
    `${Math.round(result.busy * 100)} %`,
    ...trips(result),
    short(result.rss / 1e6),
  ]);
  const none = ["none", rate(direct), "-", "-", "-", ...trips(direct), "-"];
  const close = results.filter(([, result]) => direct.rate < MARGIN * result.rate).map(([{ name }]) => name);
  const caution = close.length === 0
    ? ""
    : `\n\nload and origin are not much faster than ${close.join(", ")}: look at the CPU, not at the rate`;
  return table(head, [...rows, none]) + caution;
}
