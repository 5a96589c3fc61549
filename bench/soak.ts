/**
 * Many requests through the header_filter sample, and what memory they leave behind; README.md tells how it is done.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { CASES, check } from "./cases.ts";
import { cleanly, messageOf, note, print } from "./cleanup.ts";
import { load } from "./load.ts";
import { short, table } from "./markdown.ts";
import { startOrigin } from "./origin.ts";
import { startPostern } from "./peers/postern.ts";
import { usageOf } from "./proc_stat.ts";
import { PROXY_CORE } from "./process.ts";

/** Seconds of load between two looks. Each slice comes with new connections. */
const SLICE = 1;
/** The first look that counts, and the mark that later ones are held against. */
const EARLY = 100_000;
/** Fewer requests a second than this are taken for a proxy that hangs. */
const SLOWEST = 1_000;

const total = requests();
await cleanly(60 + total / SLOWEST, async (dir) => {
  const kind = CASES[0]!;
  const origin = await startOrigin(dir);
  const proxy = await startPostern(`127.0.0.1:${origin.port}`, { core: PROXY_CORE });
  await check(kind, proxy.port);
  const rss = async () => (await usageOf(proxy.pid)).rss / 1e6;
  const rows = [["0", "0", short(await rss()), "-"]];
  let early: number | undefined;
  let errors = 0;
  let said = 0;
  for (let done = 0; done < total;) {
    const slice = await load(kind, proxy.port, SLICE);
    if (slice.requests === 0) throw new Error(`no request succeeded in a slice, ${slice.errors} failed`);
    done += slice.requests;
    errors += slice.errors;
    if (done < said + EARLY && done < total) continue;
    said = done - done % EARLY;
    const now = await rss();
    early ??= now;
    note(`${done} requests, ${short(now)} MB`);
    rows.push([`${done}`, `${errors}`, short(now), short(now - early)]);
  }
  print(table(["requests", "errors", "RSS MB", "above the first 100,000"], rows));
  return errors === 0 ? 0 : 1;
});

function requests(): number {
  try {
    const { values } = parseArgs({
      args: [...Deno.args],
      options: { requests: { type: "string", default: "1000000" } },
    });
    const requests = Number(values.requests);
    if (Number.isInteger(requests) && requests > 0) return requests;
    throw new RangeError(`--requests is "${values.requests}", expected a positive integer`);
  } catch (error) {
    note(`error: ${messageOf(error)}`);
    Deno.exit(2);
  }
}
