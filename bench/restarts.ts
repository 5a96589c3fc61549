/**
 * What a thousand restarts of a hook worker, or as many as the argument says, take and leave behind:
 * `deno run --no-prompt --allow-read --allow-sys bench/restarts.ts`.
 *
 * @module
 */
import { restarts } from "../tests/support/restarts.ts";

const times = Number(Deno.args[0] ?? 1_000);
const begun = performance.now();
const memory = await restarts(times);
const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`;
// deno-lint-ignore no-console
console.log(
  [times / 10, times / 2, times].map((n) => `after ${n}: ${megabytes(memory[n - 1]!)}`).join(", "),
  `- ${Math.round((performance.now() - begun) / times)} ms a restart`,
);
