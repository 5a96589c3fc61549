import { assertEquals, assertThrows } from "@std/assert";
import { normalTarget } from "../../src/downstream/target.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { testProxy } from "../support/proxy.ts";
import { wireOrigin } from "../support/wire_origin.ts";
import { send, statusOf } from "../support/send.ts";

/** Targets as sent, and the form that hooks and the upstream see. */
const NORMAL: Record<string, [given: string, normal: string][]> = {
  "plain paths stay": [
    ["/", "/"],
    ["/a/b.c", "/a/b.c"],
    ["/a/b/", "/a/b/"],
    ["/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"],
  ],
  "dot segments are resolved": [
    ["/.", "/"],
    ["/..", "/"],
    ["/../../a", "/a"],
    ["/a/./b", "/a/b"],
    ["/a/../b", "/b"],
    ["/a/b/.", "/a/b/"],
    ["/a/b/..", "/a/"],
    ["/a/b/../../../../c", "/c"],
  ],
  "encoded dots are dots": [
    ["/%2e%2e/a", "/a"],
    ["/a/%2E%2e/b", "/b"],
    ["/a/.%2e/b", "/b"],
    ["/a/%2e./b", "/b"],
    ["/a/%2e/b", "/a/b"],
    ["/a/%2e", "/a/"],
    ["/a/%2e%2e", "/"],
    ["/a%2eb", "/a.b"],
  ],
  "names that only look like dot segments stay": [
    ["/...", "/..."],
    ["/..a/.b/c.", "/..a/.b/c."],
    ["/a/..;/b", "/a/..;/b"],
    ["/a/..;x=1/b", "/a/..;x=1/b"],
  ],
  "an escape is decoded once": [
    ["/%252e%252e/a", "/%252e%252e/a"],
    ["/a/%25%32%65", "/a/%252e"],
    ["/%255c..", "/%255c.."],
    ["/%c0%ae%c0%ae/a", "/%c0%ae%c0%ae/a"],
  ],
  "empty segments stay": [
    ["//", "//"],
    ["//a//b", "//a//b"],
    ["/a//../b", "/a/b"],
    ["/a//", "/a//"],
  ],
  "escapes of letters, digits and -._~ are decoded, all others stay as they are": [
    ["/%41%7a%30%2d%5f%7e", "/Az0-_~"],
    ["/a%2fb%2Fc", "/a%2fb%2Fc"],
    ["/a%5cb", "/a%5cb"],
    ["/a%20b%3Fc%23d%25", "/a%20b%3Fc%23d%25"],
    ["/caf%c3%a9", "/caf%c3%a9"],
    ["/a%0d%0ab", "/a%0d%0ab"],
  ],
  "characters that a path may not hold are escaped": [
    ['/"<>[]^`{|}', "/%22%3C%3E%5B%5D%5E%60%7B%7C%7D"],
    ["/a\\b", "/a%5Cb"],
    ["/caf\u00e9/\u{1f600}", "/caf%C3%A9/%F0%9F%98%80"],
  ],
  "the query stays to the letter": [
    ["/?", "/?"],
    ["/??", "/??"],
    ["/?a=1&b==2", "/?a=1&b==2"],
    ["/a?x=%zz&y=%", "/a?x=%zz&y=%"],
    ["/a?x=%41%2e%00", "/a?x=%41%2e%00"],
    ["/a/../b?x=/../c//./%2e%2e/", "/b?x=/../c//./%2e%2e/"],
    ["/a?/..%2f..", "/a?/..%2f.."],
    ['/a?"<>[]^`{|}\\', '/a?"<>[]^`{|}\\'],
    ["/?http://b/", "/?http://b/"],
    ["/a?caf\u00e9", "/a?caf\xc3\xa9"],
  ],
};

for (const [rule, pairs] of Object.entries(NORMAL)) {
  Deno.test(`normalTarget: ${rule}`, () => {
    for (const [given, normal] of pairs) assertEquals(normalTarget(given), normal, given);
  });
}

Deno.test("normalTarget: a normal target is its own normal form", () => {
  const ascii = Object.values(NORMAL).flat().map(([, normal]) => normal).filter((text) =>
    !/[^\0-\x7f]/.test(text)
  );
  for (const target of ascii.filter((text) => text !== "/a/%252e")) {
    assertEquals(normalTarget(target), target, target);
  }
});

/** Targets that two servers would read differently, and what the log says of them. */
const REFUSED: [why: string, text: string, targets: string[]][] = [
  ["a dot segment next to an encoded slash or backslash", "hides a dot segment", [
    "/..%2fa",
    "/a/..%2F",
    "/a/%2e%2e%2fb",
    "/a%2f..%2fb",
    "/a%2f..",
    "/a%2f.",
    "/.%2fa",
    "/a%2f%2e%2e",
    "/..%5ca",
    "/a%5C..",
    "/a\\..\\b",
    "/..\\b",
    "/a%5c%2e%2e%2fb",
    "/ok/..%2f/../b",
  ]],
  ["an encoded NUL", "NUL", ["/%00", "/a%00.html", "/a/%00/../b"]],
  ["a broken escape in the path", "is not an escape", [
    "/%",
    "/a%2",
    "/%zz",
    "/%2/a",
    "/%%2e",
    "/a%2?b",
    "/%+1",
  ]],
  ["a fragment", "fragment", ["/#", "/a#b", "/a?b#c"]],
  ["a space or a control character", "control character", [
    "/a b",
    "/a\tb",
    "/a\r\nHost: b",
    "/a\0",
    "/a\x7f",
    "/a?b c",
    "/a?b\nc",
  ]],
];

for (const [why, text, targets] of REFUSED) {
  Deno.test(`normalTarget: ${why} is refused`, () => {
    for (const target of targets) {
      const error = assertThrows(() => normalTarget(target), ProxyError, text) as ProxyError;
      assertEquals([error.type, error.status], ["bad_request", 400], target);
    }
  });
}

Deno.test("hooks see the target that the upstream gets, byte for byte", async () => {
  const pairs: [sent: string, received: string][] = [
    ["/a/%2e%2E/./b//c?x=/../%2e&b==2", "/b//c?x=/../%2e&b==2"],
    ["/%7Ea%2Fb?%zz", "/~a%2Fb?%zz"],
    ["//a/..//?", "///?"],
    ["/'{\"}?'{\"}", "/'%7B%22%7D?'{\"}"],
    ["/caf\xc3\xa9?caf\xc3\xa9", "/caf%C3%A9?caf\xc3\xa9"],
    ["/\xe2\x82\xac/..?\xe2\x82\xac", "/?\xe2\x82\xac"],
    ["/?", "/?"],
    [`/${"a/../".repeat(5000)}?${"%2e".repeat(5000)}`, `/?${"%2e".repeat(5000)}`],
  ];
  const seen: string[] = [];
  await using origin = wireOrigin();
  await using proxy = testProxy({
    requestFilter: (session) => void seen.push(session.request.target),
    upstreamPeer: () => ({ address: origin.address }),
  });
  for (const [target] of pairs) {
    await send(proxy.address, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  }
  assertEquals(origin.requests.map(({ line }) => line), pairs.map(([, target]) => `GET ${target} HTTP/1.1`));
  assertEquals(seen, pairs.map(([, target]) => target));
});

Deno.test("a target that cannot be made normal is answered with 400, and neither hook nor upstream sees it", async () => {
  const seen: string[] = [];
  await using origin = wireOrigin();
  await using proxy = testProxy({
    requestFilter: (session) => void seen.push(session.request.target),
    upstreamPeer: () => ({ address: origin.address }),
  });
  for (const target of ["/..%2fa", "/a\\..\\b", "/%00", "/%zz", "/a#b", "/ok?a#b"]) {
    const answer = await send(
      proxy.address,
      `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    assertEquals(statusOf(answer), 400, target);
  }
  await send(proxy.address, "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assertEquals(origin.requests.map(({ line }) => line), ["GET /last HTTP/1.1"]);
  assertEquals([seen, origin.connections], [["/last"], 1]);
});
