import { assert, assertEquals } from "@std/assert";
import { e2e, outcome } from "../support/process.ts";

/** Restarts in all; `bench/restarts.ts` does a thousand by itself. */
const RESTARTS = 150;
/** Megabytes that the second half may add; three workers that are slow to end hold as much. */
const GROWTH = 40;

// In a process of its own: the memory of this one is that of all tests that run beside.
e2e(`${RESTARTS} restarts of a worker leave no memory, timers or ports behind`, async () => {
  const flags = ["run", "--no-prompt", "--no-check", "--allow-read", "--allow-sys"];
  const { code, out, err } = await outcome([
    Deno.execPath(),
    ...flags,
    "bench/restarts.ts",
    String(RESTARTS),
  ]);
  assertEquals([code, err], [0, []]);
  const [, half, all] = /after 75: (\d+) MB, after 150: (\d+) MB/.exec(out.join("\n")) ?? [];
  const growth = Number(all) - Number(half);
  assert(growth < GROWTH, `${RESTARTS / 2} restarts took ${growth} MB: ${out}`);
});
