import { assert } from "@std/assert";
import { captureLog } from "../support/captured_log.ts";
import { e2e } from "../support/process.ts";
import { restarts } from "../support/restarts.ts";

/** Restarts in all; `bench/restarts.ts` does a thousand. */
const RESTARTS = 300;
/** After so many, the memory is that of a process that has restarted workers. */
const WARM = 100;
/** So many looks at the memory are taken together. */
const LOOKS = 30;
/** Bytes that the rest may add; three workers that are slow to end hold as much. */
const GROWTH = 40 * 1024 * 1024;

e2e(`${RESTARTS} restarts of a worker leave no memory, timers or ports behind`, async () => {
  using _log = captureLog();
  const memory = await restarts(RESTARTS);
  // Workers that are slow to end come and go: what is left without them is what counts.
  const growth = Math.min(...memory.slice(-LOOKS)) - Math.min(...memory.slice(WARM - LOOKS, WARM));
  assert(growth < GROWTH, `${RESTARTS - WARM} restarts took ${growth} bytes`);
});
