/**
 * What the sandbox costs: the same two filters in no module, in the proxy's thread and in workers, side by side;
 * README.md tells how it is done.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Case, CASES, check } from "./cases.ts";
import { cleanly, messageOf, note, print } from "./cleanup.ts";
import { short, table } from "./markdown.ts";
import { best, measure, type Result } from "./measure.ts";
import { startOrigin } from "./origin.ts";
import { httpProxy } from "./peers/http_proxy.ts";
import type { Peer } from "./peers/peer.ts";
import { Missing, PROXY_CORE, run } from "./process.ts";
import { freePort, startServer } from "./server.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const VARIANTS: readonly Peer[] = [
  variant("no hooks", "no_hooks"),
  variant("in process", "filters"),
  variant("sandboxed", "filters", "--sandbox"),
  variant("sandboxed, 2 workers", "filters", "--sandbox", "--workers", "2"),
  httpProxy,
];
/** One connection shows what a request waits for, many what it costs. */
const CONNECTIONS = [64, 1];

/** Each is measured so often; the least disturbed result counts. */
const ROUNDS = 3;

const seconds = secondsAsked();
await cleanly(60 + 3 * (seconds + 15) * ROUNDS * VARIANTS.length * CONNECTIONS.length, async (dir) => {
  await run(["taskset", "-a", "-c", "-p", "1", `${Deno.pid}`], 10);
  const { port } = await startOrigin(dir);
  let failures = 0;
  for (const connections of CONNECTIONS) {
    const kind: Case = { ...CASES[0]!, connections };
    const found = new Map<string, Result[]>();
    // Round after round, so that a machine that changes its speed does so to all.
    for (const { name, start } of Array.from({ length: ROUNDS }, () => VARIANTS).flat()) {
      note(`${connections} connections: ${name}`);
      try {
        const proxy = await start(`${dir}/${name}`, `127.0.0.1:${port}`);
        await check(kind, proxy.port);
        const result = await measure(proxy, kind, seconds, Math.min(2, seconds));
        await proxy.stop();
        found.set(name, [...found.get(name) ?? [], result]);
      } catch (error) {
        if (!(error instanceof Missing)) failures++;
        print(`\n${error instanceof Missing ? "skipped" : "failed"}: ${name}: ${messageOf(error)}`);
      }
    }
    const results = [...found].map(([name, all]): [string, Result] => [name, best(all)]);
    const base = results[0]![1];
    print(`\n### ${kind.title}, ${connections} connections\n`);
    print(table(
      ["hooks", "requests/s", "CPU us/request", "more than no hooks", "p50 ms", "more", "p99 ms", "RSS MB"],
      results.map(([name, { rate, cpuMicros, p50, p99, rss }]) => [
        name,
        short(rate),
        short(cpuMicros),
        short(cpuMicros - base.cpuMicros),
        p50.toFixed(2),
        (p50 - base.p50).toFixed(2),
        p99.toFixed(2),
        short(rss / 1e6),
      ]),
    ));
  }
  return failures === 0 ? 0 : 1;
});

/** Postern with a module of `modules/`. */
function variant(name: string, module: string, ...options: string[]): Peer {
  return {
    name,
    about: () => Promise.resolve(name),
    async start(_dir, origin) {
      const port = freePort();
      return await startServer(
        [
          Deno.execPath(),
          ...["run", "--no-prompt", "--v8-flags=--max-semi-space-size=16"],
          ...[`--allow-net=127.0.0.1:${port},${origin}`, `--allow-read=${ROOT}`],
          ...[`${ROOT}main.ts`, "run", `${ROOT}bench/modules/${module}.ts`, "--access-log", "off"],
          ...["--listen", `127.0.0.1:${port}`, "--upstream", `http://${origin}`, ...options],
        ],
        port,
        { core: PROXY_CORE },
      );
    },
  };
}

function secondsAsked(): number {
  const { values } = parseArgs({
    args: [...Deno.args],
    options: { seconds: { type: "string", default: "4" } },
  });
  const seconds = Number(values.seconds);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 600) return seconds;
  note(`error: --seconds is "${values.seconds}", allowed are 1 to 600`);
  Deno.exit(2);
}
