/**
 * What a normal client feels while others attack the proxy, on either front; README.md tells how it is done.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Attack } from "../tests/support/crowd.ts";
import { FRONTS } from "../tests/support/fronts.ts";
import { HTTP1_ATTACKS, LARGE_TARGET } from "../tests/support/http1_attacks.ts";
import { HTTP2_ATTACKS } from "../tests/support/http2_attacks.ts";
import { PacedLoad, type Sample } from "../tests/support/paced_load.ts";
import { cleanly, note, print } from "./cleanup.ts";
import { short, table } from "./markdown.ts";
import { startNginx } from "./nginx.ts";
import { asked, chosen, whole } from "./options.ts";
import { posternCommand } from "./peers/postern.ts";
import { usageOf } from "./proc_stat.ts";
import { PROXY_CORE, run, takeLoadCore } from "./process.ts";
import { ask, startProgram } from "./program.ts";
import { freePort, type Server, startServer } from "./server.ts";

/** An attack, with how it is made here. */
interface Trial extends Attack {
  /** The attack's own name, if the trial has another. */
  attack?: string;
  /** How long it takes at least to show what it does, in seconds. */
  seconds?: number;
  /** How many descriptors the proxy may have. */
  descriptors?: number;
}

const idle = HTTP1_ATTACKS.find(({ name }) => name === "idle")!;
const TRIALS: readonly Trial[] = [
  { ...idle, attack: "idle", name: "none", about: "no attack", clients: 0 },
  // Longer than the time for a head, so that the first ones are over and come again.
  ...HTTP1_ATTACKS.map((attack) => attack.name === "slow-heads" ? { ...attack, seconds: 12 } : attack),
  {
    ...idle,
    attack: "idle",
    name: "descriptors",
    about: "idle, the proxy may have 256 descriptors",
    clients: 400,
    descriptors: 256,
  },
  ...HTTP2_ATTACKS,
];
/** The normal client: requests a second on connections that it keeps, and on a new one each. */
const KEPT = { rate: 150, connections: 16, patience: 3_000 };
const FRESH = { rate: 50, connections: 50, patience: 3_000, isFresh: true };
/** From a process's start, or an attack's end, until what it holds is looked at, in milliseconds. */
const SETTLE = 1_500;
/** Between two looks at the proxy, in milliseconds. */
const LOOK = 500;
/** A plain request is tried again for so long behind an attack, in milliseconds. */
const RECOVERY = 10_000;

/** What the proxy holds. */
interface Holdings {
  cpu: number;
  rss: number;
  descriptors: number;
}

const HEAD = [
  ...["attack", "front", "clients", "p50 ms", "p99 ms", "failed"],
  ...["new: p50 ms", "p99 ms", "failed", "CPU %", "RSS MB before", "peak", "after"],
  ...["descriptors before", "peak", "after", "answers again ms"],
];

const { seconds, trials, fronts } = asked((args) => {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "4" },
      only: { type: "string" },
      front: { type: "string" },
    },
  });
  return {
    seconds: whole("--seconds", values.seconds, 600),
    trials: chosen("--only", values.only, TRIALS),
    fronts: chosen("--front", values.front, FRONTS.map((name) => ({ name }))),
  };
});
await cleanly(60 + fronts.length * trials.length * (30 + seconds), async (dir) => {
  await takeLoadCore();
  const origin = await startLargeOrigin(dir);
  const rows: string[][] = [];
  for (const trial of trials) {
    for (const { name } of fronts) {
      note(`${trial.name}: ${name}`);
      rows.push(await attacked(trial, name, `127.0.0.1:${origin.port}`));
      note(rows.at(-1)!.join(" "));
    }
  }
  print(table(HEAD, rows));
  print(`\n${trials.map(({ name, about }) => `- ${name}: ${about}`).join("\n")}`);
  return 0;
});

/** Its answers are short, but for one target. */
async function startLargeOrigin(dir: string): Promise<Server> {
  const home = `${dir}/origin`;
  await Deno.mkdir(home);
  await Deno.writeFile(`${home}${LARGE_TARGET}`, new Uint8Array(10 << 20));
  const port = freePort();
  const server = `listen 127.0.0.1:${port} backlog=4096; root ${home}; location = / { return 200 "hello"; }`;
  return await startNginx(home, port, `server { ${server} }`);
}

async function startProxy(front: string, origin: string, descriptors: number | undefined): Promise<Server> {
  const port = freePort();
  const command = posternCommand(port, origin, "--front", front);
  const confined = ["bash", "-c", `ulimit -n ${descriptors}; exec "$@"`, "bash", ...command] as const;
  return await startServer(descriptors === undefined ? command : confined, port, { core: PROXY_CORE });
}

/** One attack on a proxy of its own, as a row of the table. */
async function attacked(trial: Trial, front: string, origin: string): Promise<string[]> {
  const proxy = await startProxy(front, origin, trial.descriptors);
  try {
    const address = `127.0.0.1:${proxy.port}`;
    await using kept = new PacedLoad(address, KEPT);
    await using fresh = new PacedLoad(address, FRESH);
    const { name, attack = name, clients } = trial;
    const attacker = await startProgram("abuse_attack.ts", proxy.port, attack, clients);
    let before: Holdings;
    let begun: number;
    let ended: number;
    let peak: Holdings;
    try {
      // The attacker shares a core with the normal client and the origin, which are not to wait for it.
      await run(["renice", "-n", "15", "-p", `${attacker.pid}`], 10);
      await pause(SETTLE);
      peak = before = await holdingsOf(proxy);
      begun = performance.now();
      await ask(attacker, "/begin");
      const until = begun + 1000 * Math.max(seconds, trial.seconds ?? 0);
      while (performance.now() < until) {
        await pause(LOOK);
        const now = await holdingsOf(proxy);
        peak = {
          cpu: now.cpu,
          rss: Math.max(peak.rss, now.rss),
          descriptors: Math.max(peak.descriptors, now.descriptors),
        };
      }
      ended = performance.now();
    } finally {
      await attacker.stop();
    }
    const recovered = await recovery(proxy.port);
    // Requests that were sent meanwhile have their answers by then, or none.
    await pause(Math.max(SETTLE, KEPT.patience));
    const after = await holdingsOf(proxy);
    const felt = ({ samples }: PacedLoad) =>
      feltBy(samples.filter(({ sentAt }) => sentAt >= begun && sentAt < ended));
    const share = (peak.cpu - before.cpu) / ((ended - begun) / 1000);
    return [
      ...[trial.name, front, `${trial.clients}`, ...felt(kept), ...felt(fresh), short(100 * share)],
      ...[before, peak, after].map(({ rss }) => short(rss / 1e6)),
      ...[before, peak, after].map(({ descriptors }) => `${descriptors}`),
      recovered,
    ];
  } catch (error) {
    if (await isAlive(proxy)) throw error;
    return [
      trial.name,
      front,
      `${trial.clients}`,
      "the process ended",
      ...new Array(HEAD.length - 4).fill(""),
    ];
  } finally {
    await proxy.stop();
  }
}

/** Half and 99 of 100 took no longer, and how many failed of how many. */
function feltBy(samples: readonly Sample[]): string[] {
  const times = samples.map(({ sentAt, endedAt }) => endedAt - sentAt).sort((a, b) => a - b);
  const failed = samples.filter(({ status }) => status !== 200).length;
  const percentile = (percent: number) => short(times[Math.ceil(times.length * percent / 100) - 1] ?? 0);
  return [percentile(50), percentile(99), `${failed} of ${samples.length}`];
}

/** How long it takes, from the end of an attack, until a plain request on a new connection is answered. */
async function recovery(port: number): Promise<string> {
  const from = performance.now();
  while (performance.now() < from + RECOVERY) {
    try {
      const signal = AbortSignal.timeout(1_000);
      const response = await fetch(`http://127.0.0.1:${port}/`, { signal, headers: { connection: "close" } });
      if (await response.text() === "hello") return short(performance.now() - from);
    } catch {
      await pause(20);
    }
  }
  return "never";
}

async function holdingsOf({ pid }: Server): Promise<Holdings> {
  const [usage, { output }] = await Promise.all([
    usageOf(pid),
    run(["sh", "-c", `ls /proc/${pid}/fd | wc -l`], 10),
  ]);
  return { ...usage, descriptors: Number(output) };
}

function isAlive({ pid }: Server): Promise<boolean> {
  return usageOf(pid).then(() => true, () => false);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
