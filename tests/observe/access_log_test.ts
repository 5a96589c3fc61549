import { assert, assertEquals, assertMatch } from "@std/assert";
import { type AccessEntry, formatAccess } from "../../src/observe/access_log.ts";

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
    formatAccess(ENTRY, "common"),
    '192.0.2.7 - - [03/Nov/2026:04:05:06 +0000] "GET /a?b=c HTTP/1.1" 200 12 - 10.0.0.1:80 1 0.1 4.6 9.0 abc-1',
  );
});

Deno.test("common says -1 for times that were not reached", () => {
  assertEquals(
    formatAccess(UNREACHED, "common"),
    '192.0.2.7 - - [03/Nov/2026:04:05:06 +0000] "GET /a?b=c HTTP/1.1" 499 12 DC - 0 -1 -1 9.0 abc-1',
  );
});

Deno.test("common follows the time from second to second, and back", () => {
  const times = [0, 999, 1_000, 86_400_000 * 365, 0].map((startedAt) =>
    /\[(.*)\]/.exec(formatAccess({ ...ENTRY, startedAt }, "common"))![1]
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
  assertEquals(JSON.parse(formatAccess(ENTRY, "json")), {
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
  const { connect_ms, first_byte_ms, total_ms } = JSON.parse(formatAccess(UNREACHED, "json"));
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
    const common = formatAccess({ ...ENTRY, target }, "common");
    assertMatch(common, /^[\x20-\x7e]+$/);
    assert(common.includes(`"GET ${shown} HTTP/1.1" 200`), common);
    const json = formatAccess({ ...ENTRY, target }, "json");
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f]/.test(json), json);
    assertEquals(JSON.parse(json).target, target);
  });
}
