import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { setForwarded, trustCheck } from "../../src/downstream/forwarded.ts";
import { HeaderList } from "../../src/http/headers.ts";
import type { ProxyOptions } from "../../src/mod.ts";
import { type FrontName, onBothFronts } from "../support/fronts.ts";
import { testProxy } from "../support/proxy.ts";
import { send, valuesOf } from "../support/send.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const TRUST: [list: string[], yes: string[], no: string[]][] = [
  [[], [], ["127.0.0.1", "::1", "", "unix"]],
  [["10.1.2.3"], ["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203"], ["10.1.2.4", "10.1.2.30", "::a01:203"]],
  [["10.0.0.0/8"], ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0", "a00::"]],
  [["192.168.1.128/25"], ["192.168.1.128", "192.168.1.255"], ["192.168.1.127", "192.168.2.128"]],
  [["192.168.1.7/24"], ["192.168.1.1"], ["192.168.2.7"]],
  [["0.0.0.0/0"], ["1.2.3.4", "255.255.255.255"], ["::1", "2001:db8::1"]],
  [["2001:db8::/32"], ["2001:db8::1", "2001:DB8:ffff::"], ["2001:db9::1", "32.1.13.184"]],
  [["::1"], ["::1", "0:0:0:0:0:0:0:1"], ["::2", "127.0.0.1", "0.0.0.1"]],
  [["::/0"], ["::1", "fe80::1"], ["127.0.0.1"]],
  [["::ffff:10.1.2.3"], ["10.1.2.3", "::ffff:10.1.2.3"], ["10.1.2.4"]],
  [["::ffff:10.0.0.0/104"], ["10.1.2.3", "::ffff:10.1.2.3"], ["11.0.0.0"]],
  [["10.0.0.1", "::1", "172.16.0.0/12"], ["10.0.0.1", "::1", "172.31.0.1"], [
    "10.0.0.2",
    "::2",
    "172.32.0.1",
  ]],
  [["10.0.0.0/8"], [], ["", "unix", "example.com", "10.1.2.3:80", "10.1.2.3, 10.1.2.3", " 10.1.2.3"]],
];

for (const [list, yes, no] of TRUST) {
  Deno.test(`trustCheck: [${list.join(", ")}] holds ${yes.join(", ") || "nobody"}, not ${no.join(", ")}`, () => {
    const trusted = trustCheck(list);
    for (const address of yes) assertEquals(trusted(address), true, address);
    for (const address of no) assertEquals(trusted(address), false, address);
  });
}

Deno.test("trustCheck: an entry that is no address or range is an error that names it", () => {
  const bad = [
    "",
    "example.com",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/x",
    "10.0.0.256",
    "10.0.0.1:80",
    "/8",
  ];
  for (const entry of bad) assertThrows(() => trustCheck(["::1", entry]), RangeError, `"${entry}"`);
});

Deno.test("setForwarded: IPv6 clients, scheme and Host are told as they are, ahead of nothing and after all else", () => {
  const headers = new HeaderList([["Host", "a"], ["X-A", "1"]]);
  setForwarded(headers, {
    client: "2001:db8::1",
    scheme: "https",
    host: "a:8443",
    trusted: false,
    hasClaims: false,
  });
  assertEquals([...headers], [
    ["host", "a"],
    ["x-a", "1"],
    ["x-forwarded-for", "2001:db8::1"],
    ["x-forwarded-proto", "https"],
    ["x-forwarded-host", "a:8443"],
    ["via", "1.1 postern"],
  ]);
});

/** The fields of these names at the origin, after a request with these field lines. */
async function atOrigin(
  front: FrontName,
  lines: string,
  options: ProxyOptions,
  names: string[],
): Promise<string[][]> {
  await using origin = wireOrigin();
  await using proxy = testProxy({ options, upstreamPeer: () => ({ address: origin.address }) }, { front });
  await send(proxy.address, `GET / HTTP/1.1\r\nHost: a:80\r\n${lines}\r\n`);
  return names.map((name) => valuesOf(origin.received[0]!, name));
}

const CLAIMS = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via"];
const CLOSE = "Connection: close\r\n";
const CLAIMED = "X-Forwarded-For: 9.9.9.9, 8.8.8.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n" +
  "Forwarded: for=9.9.9.9;proto=https;host=b\r\nVia: 1.0 b\r\n";
const OWN = [["127.0.0.1"], ["http"], ["a:80"], []];

const FORWARDED: [what: string, lines: string, trusted: string[], received: string[][]][] = [
  ["nothing is claimed: all is set", CLOSE, [], [...OWN, ["1.1 postern"]]],
  ["a trusted client claims nothing: all is set", CLOSE, ["127.0.0.0/8"], [...OWN, ["1.1 postern"]]],
  ["an unknown client's claims are replaced, Via is kept", CLOSE + CLAIMED, [], [...OWN, [
    "1.0 b, 1.1 postern",
  ]]],
  ["a client that is not on the list has no say", CLOSE + CLAIMED, ["10.0.0.0/8", "::/0"], [
    ...OWN,
    ["1.0 b, 1.1 postern"],
  ]],
  ["a trusted client's claims are kept, its address appended", CLOSE + CLAIMED, ["127.0.0.0/8"], [
    ["9.9.9.9, 8.8.8.8, 127.0.0.1"],
    ["https"],
    ["b"],
    ["for=9.9.9.9;proto=https;host=b"],
    ["1.0 b, 1.1 postern"],
  ]],
  [
    "several lines of a trusted client become one",
    `${CLOSE}X-Forwarded-For: 9.9.9.9\r\nx-forwarded-FOR: 8.8.8.8\r\nVia: 1.0 b\r\nVia: 1.1 c\r\n`,
    ["127.0.0.1"],
    [["9.9.9.9, 8.8.8.8, 127.0.0.1"], ["http"], ["a:80"], [], ["1.0 b, 1.1 c, 1.1 postern"]],
  ],
  [
    "what a trusted client left out is set",
    `${CLOSE}X-Forwarded-Proto: https\r\n`,
    ["127.0.0.1"],
    [["127.0.0.1"], ["https"], ["a:80"], [], ["1.1 postern"]],
  ],
  [
    "Via alone claims nothing else",
    `${CLOSE}Via: 1.0 b\r\n`,
    [],
    [...OWN, ["1.0 b, 1.1 postern"]],
  ],
  [
    "claims that Connection names are removed before the own ones are added",
    `Connection: close, X-Forwarded-For, x-forwarded-proto, x-forwarded-host, forwarded, VIA\r\n${CLAIMED}`,
    ["127.0.0.1"],
    [...OWN, ["1.1 postern"]],
  ],
];

for (const [what, lines, trustedProxies, received] of FORWARDED) {
  onBothFronts(`forwarded fields: ${what}`, async (front) => {
    assertEquals(await atOrigin(front, lines, { trustedProxies }, CLAIMS), received);
  });
}

Deno.test("a list of trusted proxies with a bad entry is an error at start-up", () => {
  const module = {
    options: { trustedProxies: ["10.0.0.0/40"] },
    upstreamPeer: () => ({ address: "127.0.0.1:1" }),
  };
  assertThrows(() => testProxy(module), RangeError, '"10.0.0.0/40"');
});

for (const id of ["t", "0af7651916cd43dd8448eb211c80319c", "a-b_c.d:e+f/g=", "x".repeat(128)]) {
  onBothFronts(
    `a well-formed X-Request-Id of ${id.length} characters beginning with "${id[0]}" is kept`,
    async (front) => {
      assertEquals(await atOrigin(front, `${CLOSE}X-Request-Id: ${id}\r\n`, {}, ["x-request-id"]), [[id]]);
    },
  );
}

const BAD_IDS: Record<string, string> = {
  "is missing": "",
  "is empty": "X-Request-Id:\r\n",
  "is too long": `X-Request-Id: ${"x".repeat(129)}\r\n`,
  "holds a space": "X-Request-Id: a b\r\n",
  "holds a quote": 'X-Request-Id: a"b\r\n',
  "holds markup": "X-Request-Id: <b>\r\n",
  "is not ASCII": "X-Request-Id: caf\xe9\r\n",
  "comes twice": "X-Request-Id: t\r\nX-Request-Id: u\r\n",
};

for (const [what, lines] of Object.entries(BAD_IDS)) {
  onBothFronts(
    `an X-Request-Id that ${what} is replaced by one that hooks, origin and log share`,
    async (front) => {
      await using origin = wireOrigin();
      const ids: string[] = [];
      await using proxy = testProxy({
        requestFilter: (session) => void ids.push(session.id),
        upstreamPeer: () => ({ address: origin.address }),
      }, { front });
      for (let i = 0; i < 2; i++) {
        await send(proxy.address, `GET / HTTP/1.1\r\nHost: a\r\n${CLOSE}${lines}\r\n`);
      }
      const entries = [await proxy.ended(1), await proxy.ended(2)];
      assertEquals(origin.requests.flatMap(({ text }) => valuesOf(text, "x-request-id")), ids);
      assertEquals(entries.map(({ id }) => id), ids);
      for (const id of ids) assertMatch(id, /^[0-9a-z-]{8,40}$/);
      assertNotEquals(ids[0], ids[1]);
    },
  );
}
