/**
 * What a thousand restarts of a hook worker take and leave behind:
 * `deno run --no-prompt --allow-read --allow-sys bench/restarts.ts`.
 *
 * @module
 */
import { restarts } from "../tests/support/restarts.ts";

const begun = performance.now();
const memory = await restarts(1_000);
const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`;
// deno-lint-ignore no-console
console.log(
  [100, 500, 1_000].map((n) => `after ${n}: ${megabytes(memory[n - 1]!)}`).join(", "),
  `- ${Math.round((performance.now() - begun) / 1_000)} ms a restart`,
);
