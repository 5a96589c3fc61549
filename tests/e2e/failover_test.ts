import { assert, assertEquals } from "@std/assert";
import { table } from "../../bench/markdown.ts";
import { type FaultCourse, faults, tally, within } from "../support/faults.ts";
import { MoodyOrigin, type StartProcess } from "../support/moody_origin.ts";
import { PacedLoad, type Sample } from "../support/paced_load.ts";
import { e2e, Process, ready, start } from "../support/process.ts";

/** How long a fault lasts, unless its detection takes longer, in seconds. */
const SECONDS = 2.5;
/** A closed connection is known everywhere this long after its process is gone, in milliseconds. */
const SPREAD = 250;

e2e(
  "once a dead, frozen, slow or failing origin is found out, no idempotent request fails; back again, it has its share",
  async (t) => {
    await using stack = new AsyncDisposableStack();
    const startProcess: StartProcess = (command) => {
      const process = stack.use(new Process(command));
      return { pid: process.pid, ended: () => process.exit() };
    };
    const origins = ["a", "b", "c", "d"].map((name) => new MoodyOrigin(name, startProcess));
    await Promise.all(origins.map((origin) => origin.start()));
    const proxy = stack.use(failoverProxy(origins));
    const { host } = new URL(await ready(proxy));
    const load = stack.use(new PacedLoad(host));
    const begunAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1_000));

    const courses = await faults(origins, {
      load,
      lines: proxy.err.all,
      isOut: (line, { address }) =>
        line.includes(`upstream ${address} DOWN`) || line.includes(`upstream ${address} EJECTED`),
    }, SECONDS);
    await load[Symbol.asyncDispose]();
    const { samples } = load;
    print(timeline(courses, samples, begunAt));

    await t.step("no idempotent request fails before the first fault", () => {
      const { failedGets } = tally(samples, ({ endedAt }) => endedAt < courses[0]!.begunAt);
      assertEquals(failedGets, []);
    });
    for (const [i, { name, detectedAt, endedAt, fullAt }] of courses.entries()) {
      await t.step(`${name}: it is detected`, () => assert(detectedAt !== undefined && detectedAt < endedAt));
      await t.step(`${name}: no idempotent request fails after the detection`, () => {
        const span = { begins: detectedAt!, ends: courses[i + 1]?.begunAt ?? Infinity, endsInFault: true };
        assertEquals(tally(samples, within(span)).failedGets, []);
      });
      await t.step(`${name}: its share recovers`, () => assert(fullAt !== undefined));
    }
    await t.step("killed: only requests under way fail, and only those that must not be sent twice", () => {
      const { begunAt, doneAt, endedAt } = courses[0]!;
      const fault = tally(samples, within({ begins: begunAt, ends: endedAt, isFault: true }));
      assertEquals(fault.failedGets, []);
      // A 504 comes from another origin, which a busy machine kept from answering.
      const broken = fault.failedPosts.filter(({ status }) => status !== 504);
      assertEquals(broken.filter(({ sentAt }) => sentAt > doneAt + SPREAD), []);
    });
    proxy.kill("SIGTERM");
    assertEquals(await proxy.exit(), 0);
  },
);

/** Postern with a balancer over these. */
function failoverProxy(origins: readonly MoodyOrigin[]): Process {
  const addresses = origins.map(({ address }) => address).join(",");
  const folder = "tests/support/modules";
  return start(
    [`--allow-net=127.0.0.1:0,${addresses}`, `--allow-read=${folder}`, "--allow-env=ORIGINS"],
    ["run", `./${folder}/failover.ts`, "--listen", "127.0.0.1:0", "--access-log", "off"],
    { env: { ORIGINS: addresses } },
  );
}

/** What happened when, and what the requests came to until the next thing happened. */
function timeline(courses: readonly FaultCourse[], samples: readonly Sample[], begunAt: number): string {
  const moments = courses.flatMap(({ name, origin, begunAt, detectedAt, endedAt, fullAt }) => [
    { at: begunAt, what: `${origin.name} is ${name}`, origin, isFault: true },
    { at: detectedAt, what: "this is known", origin, isFault: false },
    { at: endedAt, what: `${origin.name} is well`, origin, isFault: false },
    { at: fullAt, what: `${origin.name} has its share`, origin, isFault: false },
  ]).filter((moment) => moment.at !== undefined);
  moments.unshift({ at: begunAt, what: "load", origin: courses[0]!.origin, isFault: false });
  const rows = moments.map(({ at, what, origin, isFault }, i) => {
    const next = moments[i + 1];
    const ends = next?.at ?? Infinity;
    const span = within({ begins: at!, ends, isFault, endsInFault: next?.isFault ?? false });
    const { total, failedGets, failedPosts, answered, p99 } = tally(samples, span);
    return [
      `${((at! - begunAt) / 1000).toFixed(2).padStart(5)} s ${what}`,
      ...[total, failedGets.length, failedPosts.length].map(String),
      p99.toFixed(0),
      `${origin.name} ${(100 * answered.by(origin) / answered.total).toFixed(0)} %`,
    ];
  });
  return table(["from here on", "requests", "GETs failed", "POSTs failed", "p99 ms", "share"], rows);
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`\n${text}\n`));
}
