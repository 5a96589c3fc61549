import { assert, assertEquals, assertMatch } from "@std/assert";
import { accessFilter } from "../../src/observe/access_filter.ts";
import { HeaderList } from "../../src/mod.ts";
import { type AccessEntry, accessFormatter } from "../../src/observe/access_log.ts";

const ENTRY: AccessEntry = {
  startedAt: Date.UTC(2026, 10, 3, 4, 5, 6, 789),
  clientAddress: "192.0.2.7",
  method: "GET",
  target: "/a?b=c",
  host: "a.example",
  status: 200,
  bytesSent: 12,
  bytesReceived: 34,
  flag: "-",
  listener: "",
  route: "",
  upstream: "10.0.0.1:80",
  attempts: 1,
  connectMs: 0.123,
  firstByteMs: 4.567,
  totalMs: 8.999,
  id: "abc-1",
  headers: new HeaderList([["User-Agent", "me"], ["Cookie", "s=1"], ["X-Token", "t"]]),
};

const UNREACHED: AccessEntry = {
  ...ENTRY,
  status: 499,
  flag: "DC",
  upstream: "-",
  attempts: 0,
  connectMs: -1,
  firstByteMs: -1,
};

Deno.test("common is the Common Log Format, then flag, upstream, attempts, times and id", () => {
  assertEquals(
    accessFormatter("common")(ENTRY),
    '192.0.2.7 - - [03/Nov/2026:04:05:06 +0000] "GET /a?b=c HTTP/1.1" 200 12 - 10.0.0.1:80 1 0.1 4.6 9.0 abc-1',
  );
});

Deno.test("common says -1 for times that were not reached", () => {
  assertEquals(
    accessFormatter("common")(UNREACHED),
    '192.0.2.7 - - [03/Nov/2026:04:05:06 +0000] "GET /a?b=c HTTP/1.1" 499 12 DC - 0 -1 -1 9.0 abc-1',
  );
});

Deno.test("common follows the time from second to second, and back", () => {
  const times = [0, 999, 1_000, 86_400_000 * 365, 0].map((startedAt) =>
    /\[(.*)\]/.exec(accessFormatter("common")({ ...ENTRY, startedAt }))![1]
  );
  assertEquals(times, [
    "01/Jan/1970:00:00:00 +0000",
    "01/Jan/1970:00:00:00 +0000",
    "01/Jan/1970:00:00:01 +0000",
    "01/Jan/1971:00:00:00 +0000",
    "01/Jan/1970:00:00:00 +0000",
  ]);
});

Deno.test("json has every field under its name", () => {
  assertEquals(JSON.parse(accessFormatter("json")(ENTRY)), {
    ts: "2026-11-03T04:05:06.789Z",
    client: "192.0.2.7",
    method: "GET",
    host: "a.example",
    target: "/a?b=c",
    status: 200,
    bytes_sent: 12,
    bytes_received: 34,
    flags: "-",
    upstream: "10.0.0.1:80",
    attempts: 1,
    connect_ms: 0.12,
    first_byte_ms: 4.57,
    total_ms: 9,
    id: "abc-1",
  });
});

Deno.test("json says -1 for times that were not reached", () => {
  const { connect_ms, first_byte_ms, total_ms } = JSON.parse(accessFormatter("json")(UNREACHED));
  assertEquals([connect_ms, first_byte_ms, total_ms], [-1, -1, 9]);
});

/** What a client can send in a target or a method, and how common shows it. */
const HOSTILE: [string, string, string][] = [
  ["a quote", '/"x', '/\\"x'],
  ["a backslash", "/\\x", "/\\\\x"],
  ["a quote behind a backslash", '/\\"', '/\\\\\\"'],
  ["a line end", "/a\r\n1.1.1.1 - -", "/a\\x0d\\x0a1.1.1.1 - -"],
  ["an escape sequence of a terminal", "/\x1b[31m", "/\\x1b[31m"],
  ["NUL and DEL", "/\x00\x7f", "/\\x00\\x7f"],
  ["bytes beyond ASCII", "/caf\xe9\x85", "/caf\\xe9\\x85"],
];

for (const [name, target, shown] of HOSTILE) {
  Deno.test(`${name} in a target cannot break a line`, () => {
    const common = accessFormatter("common")({ ...ENTRY, target });
    assertMatch(common, /^[\x20-\x7e]+$/);
    assert(common.includes(`"GET ${shown} HTTP/1.1" 200`), common);
    const json = accessFormatter("json")({ ...ENTRY, target });
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f]/.test(json), json);
    assertEquals(JSON.parse(json).target, target);
  });
}

Deno.test("json has the fields that are asked for, without the values of those that are secret", () => {
  const format = accessFormatter("json", {
    fields: ["user-agent", "Cookie", "x-token", "absent"],
    redact: ["X-Token"],
  });
  assertEquals(JSON.parse(format(ENTRY)).headers, {
    "user-agent": "me",
    cookie: "[redacted]",
    "x-token": "[redacted]",
  });
});

for (
  const { options, logged, why } of [
    { options: {}, logged: [200, 404, 503], why: "everything by default" },
    { options: { status: "404,5xx" }, logged: [404, 503], why: "only the statuses named" },
    { options: { slowerThan: 5 }, logged: [404], why: "only what is slow" },
    { options: { status: "503", slowerThan: 5 }, logged: [404, 503], why: "what either names" },
    { options: { sample: 0 }, logged: [503], why: "failures whatever the share" },
    { options: { status: "404", sample: 1 }, logged: [200, 404, 503], why: "a share of the others" },
  ]
) {
  Deno.test(`the access log with ${JSON.stringify(options)} has ${why}`, () => {
    const filter = accessFilter(options, () => 0.5);
    const entries = [[200, 1], [404, 9], [503, 1]] as const;
    const found = entries.filter(([status, totalMs]) => filter({ ...ENTRY, status, totalMs }));
    assertEquals(found.map(([status]) => status), logged);
  });
}
