import { assertEquals } from "@std/assert";
import { isHost } from "../../src/downstream/host.ts";
import { testProxy } from "../support/proxy.ts";
import { wireOrigin } from "../support/wire_origin.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";

const GOOD = [
  "a",
  "A.b-c.example",
  "a_b.example",
  "example.",
  "xn--caf-dma.example",
  "127.0.0.1",
  "a:1",
  "a:80",
  "a:65535",
  "[::1]",
  "[2001:DB8::1]:8080",
  "[::ffff:127.0.0.1]:1",
];

/** By what is wrong with them. */
const BAD: Record<string, string[]> = {
  "no name": ["", ":80"],
  "user info": ["u@a", "u:p@a", "@a", "a@", "u%40a@b"],
  "a path, query or fragment": ["a/", "a/evil", "/", "a?b", "a#b", "a\\b", "http://a"],
  "a space or a list": ["a b", "a\tb", "a,b", "a, a", "a;b"],
  "a bad port": [
    "a:",
    "a:0",
    "a:65536",
    "a:99999",
    "a:123456",
    "a:b",
    "a:-1",
    "a:+1",
    "a:8 0",
    "a:80:80",
    "[::1]:",
  ],
  "a bad IPv6 address": ["::1", "[::1", "::1]", "[]", "[::1]a", "[::1%25eth0]", "[a.example]", "a[::1]"],
  "characters that no host has": ["a%00b", "a%2eb", "a'b", 'a"b', "<a>", "a*", "caf\xe9", "{a}", "a|b"],
};

Deno.test("isHost: names and addresses with or without a port are hosts", () => {
  for (const host of [...GOOD, ...GOOD]) assertEquals([isHost(host), isHost(host)], [true, true], host);
});

for (const [what, hosts] of Object.entries(BAD)) {
  Deno.test(`isHost: ${what} makes no host`, () => {
    for (const host of hosts) assertEquals([isHost("a"), isHost(host)], [true, false], host);
  });
}

Deno.test("isHost: control characters, line ends among them, make no host", () => {
  for (const host of ["a\0", "a\n", "a\r\n", "\na", "a\nb", "a:80\n"]) {
    assertEquals(isHost(host), false, JSON.stringify(host));
  }
});

/** Sends requests to a proxy, each on its own connection: the answers, and the request lines that reached the origin. */
async function tried(requests: string[]): Promise<{ statuses: number[]; lines: string[]; hosts: string[] }> {
  await using origin = wireOrigin();
  await using proxy = testProxy(origin.address);
  const statuses: number[] = [];
  for (const request of requests) statuses.push(statusOf(await send(proxy.address, request)));
  // What a refused request had put on a connection would be in front of this one.
  await send(proxy.address, "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assertEquals(origin.received.join(""), origin.requests.map(({ text }) => text).join(""));
  assertEquals(origin.requests.at(-1)!.line, "GET /last HTTP/1.1");
  const reached = origin.requests.slice(0, -1);
  return {
    statuses,
    lines: reached.map(({ line }) => line),
    hosts: reached.map(({ text }) => valuesOf(text, "host").join(" and ")),
  };
}

const CLOSE = "Connection: close\r\n\r\n";

Deno.test("a Host that names one host is forwarded as it is", async () => {
  const { statuses, hosts } = await tried(GOOD.map((host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}`));
  assertEquals([statuses, hosts], [GOOD.map(() => 200), GOOD]);
});

Deno.test("white space around a Host is not part of it", async () => {
  const { statuses, hosts } = await tried([`GET / HTTP/1.1\r\nHost: \t a:80 \t\r\n${CLOSE}`]);
  assertEquals([statuses, hosts], [[200], ["a:80"]]);
});

for (const [what, hosts] of Object.entries(BAD)) {
  Deno.test(`a request whose Host has ${what} is answered with 400 and not forwarded`, async () => {
    const { statuses, lines } = await tried(
      hosts.map((host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}`),
    );
    assertEquals([statuses, lines], [hosts.map(() => 400), []]);
  });
}

// Deno.serve does not tell a HTTP/1.0 request, which may do without Host, from any other: it needs one here too.
const FIELDS: Record<string, string> = {
  "no Host": `GET / HTTP/1.1\r\n${CLOSE}`,
  "no Host in HTTP/1.0": `GET / HTTP/1.0\r\n${CLOSE}`,
  "two different Hosts": `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n${CLOSE}`,
  "two equal Hosts": `GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\n${CLOSE}`,
  "a good and an empty Host": `GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n${CLOSE}`,
  "a folded Host": `GET / HTTP/1.1\r\nHost: a\r\n b\r\n${CLOSE}`,
  "a space before the colon of Host": `GET / HTTP/1.1\r\nHost : a\r\n${CLOSE}`,
  "an authority in the target instead of a Host": `GET http://a/ HTTP/1.1\r\n${CLOSE}`,
};

for (const [what, request] of Object.entries(FIELDS)) {
  Deno.test(`a request with ${what} is answered with 400 and not forwarded`, async () => {
    const { statuses, lines } = await tried([request]);
    assertEquals([statuses, lines], [[400], []]);
  });
}

Deno.test("a target in absolute form reaches the origin in origin form", async () => {
  const cases: [target: string, host: string, path: string][] = [
    ["http://a/x?y", "a", "/x?y"],
    ["http://a", "a", "/"],
    ["http://a?q", "a", "/?q"],
    ["http://A.B/x", "a.b", "/x"],
    ["HTTP://a/x", "a", "/x"],
    ["http://a:8080/x", "a:8080", "/x"],
    ["http://[::1]:80/x", "[::1]:80", "/x"],
    ["http://a:80/x", "a", "/x"],
    ["http://a/x", "a:80", "/x"],
    ["http://A:80", "a", "/"],
    ["http://[::1]:80/x", "[::1]", "/x"],
    ["http://a/b/%2e%2e/c?/../", "a", "/c?/../"],
    ["http://a//b", "a", "//b"],
  ];
  const { statuses, lines, hosts } = await tried(
    cases.map(([target, host]) => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}`),
  );
  assertEquals(statuses, cases.map(() => 200));
  assertEquals(lines, cases.map(([, , path]) => `GET ${path} HTTP/1.1`));
  assertEquals(hosts, cases.map(([, host]) => host));
});

Deno.test("a target in absolute form that is for another authority or scheme is answered with 400", async () => {
  const cases: [target: string, host: string][] = [
    ["http://b/", "a"],
    ["http://ab/", "a"],
    ["http://a/", "ab"],
    ["http://a.b/", "a"],
    ["http://a:81/", "a"],
    ["http://a/", "a:81"],
    ["http://a:80/", "a:8"],
    ["http://a:80/", "a:8080"],
    ["http://a:80/", "a:443"],
    ["http://a:80:80/", "a"],
    ["http://a:/", "a"],
    ["http://a@b/", "a"],
    ["http://u@a/", "a"],
    ["http://a\\@b/", "a"],
    ["https://a/", "a"],
    ["ftp://a/", "a"],
    ["ws://a/", "a"],
    ["http:a/", "a"],
    ["http://a/..%2fb", "a"],
    ["http://a/#b", "a"],
  ];
  const { statuses, lines } = await tried(
    cases.map(([target, host]) => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}`),
  );
  assertEquals([statuses, lines], [cases.map(() => 400), []]);
});

// Deno.serve does not take a target without authority for an absolute one, and gives it as "/http:///x": it cannot be
// told from a request for that path, and goes on as one.
Deno.test("a target in absolute form without authority is no more than a path", async () => {
  const { lines, hosts } = await tried([`GET http:///x/../y HTTP/1.1\r\nHost: a\r\n${CLOSE}`]);
  assertEquals([lines, hosts], [["GET /http:///y HTTP/1.1"], ["a"]]);
});
