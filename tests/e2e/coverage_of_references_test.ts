import { assert, assertEquals } from "@std/assert";
import type { Guard, Table } from "../support/coverage.ts";
import { GO, MIDDLEWARE } from "../support/coverage_others.ts";
import { BASIC, DROPPED, ERRORS, TLS, UPSTREAM } from "../support/coverage_pingora.ts";
import { FASTIFY, NODE_HTTP_PROXY } from "../support/coverage_proxies.ts";
import { COMPLAINTS } from "../support/coverage_survey.ts";
import { e2e, ROOT } from "../support/process.ts";

const TABLES: Record<string, Table> = {
  "Pingora's tests of proxying": BASIC,
  "Pingora's tests of dropped connections": DROPPED,
  "Pingora's tests of TLS": TLS,
  "Pingora's tests of errors": ERRORS,
  "Pingora's tests of upstreams": UPSTREAM,
  "node-http-proxy's tests": NODE_HTTP_PROXY,
  "fastify-http-proxy's and reply-from's tests": FASTIFY,
  "http-proxy-middleware's tests": MIDDLEWARE,
  "the tests of Go's ReverseProxy": GO,
  "the complaints of users": COMPLAINTS,
};

/** Whether a title, as a whole literal, stands where a test's name does: in a call, or as `name` in a table of tests. */
function names(source: string, title: string): boolean {
  return ['"', "`", "'"].some((quote) => {
    const literal = quote + title + quote;
    for (let at = -1; (at = source.indexOf(literal, at + 1)) >= 0;) {
      if (/(?:\bDeno\.test\(|\bonBothFronts\(|\be2e\(|\bname:)\s*$/.test(source.slice(0, at))) return true;
    }
    return false;
  });
}

function holds(source: string, text: string): boolean {
  return ['"', "`", "'"].some((quote) => source.includes(quote + text + quote));
}

/** What a guard says that is not so. */
async function wrongs({ file, title, cases }: Guard): Promise<string[]> {
  const source = await Deno.readTextFile(`${ROOT}tests/${file}`).catch(() => null);
  if (source === null) return [`tests/${file} is not there`];
  if (!names(source, title)) return [`tests/${file} has no test ${JSON.stringify(title)}`];
  return cases.filter((each) => !holds(source, each)).map((each) => `tests/${file} has no case "${each}"`);
}

for (const [suite, table] of Object.entries(TABLES)) {
  e2e(`every row of ${suite} is guarded by a test that is there, or has a reason why none is`, async () => {
    const wrong: string[] = [];
    for (const [row, entries] of Object.entries(table)) {
      assert(entries.length > 0 && !entries.includes(""), `${row} has neither test nor reason`);
      for (const entry of entries) {
        if (typeof entry === "string") continue;
        for (const what of await wrongs(entry)) wrong.push(`${row}: ${what}`);
      }
    }
    assertEquals(wrong, []);
  });
}
