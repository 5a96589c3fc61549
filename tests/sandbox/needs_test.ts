import { assertEquals, assertThrows } from "@std/assert";
import type { ProxyModule } from "../../src/mod.ts";
import { LoadBalancer } from "../../src/mod.ts";
import { needsOf, type NeedsOptions, peersOf, undeclared, valuesOf } from "../../src/sandbox/needs.ts";

/** The addresses that a module needs. */
const netOf = (module: ProxyModule, options?: NeedsOptions) => valuesOf(needsOf(module, options), "net");

const NET: [string, ProxyModule, string | undefined, string[]][] = [
  ["nothing declared: the default address", {}, undefined, ["127.0.0.1:6188"]],
  ["listen first, then net in its order", { listen: "127.0.0.1:80", net: ["b:2", "a:1"] }, undefined, [
    "127.0.0.1:80",
    "b:2",
    "a:1",
  ]],
  ["without net, the upstreams", { upstreams: [{ address: "a:1" }, { address: "b:2" }] }, undefined, [
    "127.0.0.1:6188",
    "a:1",
    "b:2",
  ]],
  ["an empty net is taken at its word", { net: [] }, undefined, ["127.0.0.1:6188"]],
  [
    "the members of a load balancer",
    {
      upstreams: new LoadBalancer([{ address: "a:1" }, { address: "b:2" }]),
    },
    undefined,
    ["127.0.0.1:6188", "a:1", "b:2"],
  ],
  [
    "the same address once",
    {
      listen: "127.0.0.1:80",
      upstreams: [{ address: "a:1" }, { address: "a:1" }, { address: "127.0.0.1:80" }],
    },
    undefined,
    ["127.0.0.1:80", "a:1"],
  ],
  [
    "listen replaced, the module's own not granted",
    { listen: "127.0.0.1:80", net: ["a:1"] },
    "127.0.0.1:90",
    ["127.0.0.1:90", "a:1"],
  ],
  ["IPv6 in brackets", { listen: "[::1]:80", net: ["[fe80::1]:443"] }, undefined, [
    "[::1]:80",
    "[fe80::1]:443",
  ]],
  ["ranges and patterns as they are", { net: ["10.0.0.0/8", "*.a.example:443"] }, undefined, [
    "127.0.0.1:6188",
    "10.0.0.0/8",
    "*.a.example:443",
  ]],
  [
    "where it redirects from, and the ports of a relay; any port of it is every port",
    {
      listener: {
        tls: { cert: "a.pem", key: "a.key" },
        redirectHttp: "127.0.0.1:80",
        relayPorts: [6190, 0],
      },
      net: ["a:1"],
    },
    undefined,
    ["127.0.0.1:6188", "127.0.0.1:80", "127.0.0.1:6190", "127.0.0.1", "a:1"],
  ],
  [
    "Unix sockets",
    { listen: "unix:/run/in.sock", upstreams: [{ address: "unix:/run/up.sock" }] },
    undefined,
    ["unix:/run/in.sock", "unix:/run/up.sock"],
  ],
];

for (const [what, module, listen, expected] of NET) {
  Deno.test(`needsOf, addresses: ${what}`, () => assertEquals(netOf(module, { listen }), expected));
}

Deno.test("needsOf says what each address is for", () => {
  const needs = needsOf({
    listen: "127.0.0.1:80",
    net: ["a:1", "b", "10.0.0.0/8", "c:3"],
    upstreams: [{ address: "a:1" }, { address: "b:2" }, { address: "10.1.1.1:80" }],
  });
  assertEquals(needs.map(({ value, why }) => `${value} ${why}`), [
    "127.0.0.1:80 listens there",
    "a:1 upstream",
    "b upstream",
    "10.0.0.0/8 upstream",
    "c:3 hooks",
  ]);
});

Deno.test("needsOf adds the files of Unix sockets, which Deno asks for beside net", () => {
  const needs = needsOf({ listen: "unix:/in.sock", net: ["a:1", "unix:/up.sock"] });
  assertEquals(valuesOf(needs, "read"), ["/in.sock", "/up.sock"]);
  assertEquals(valuesOf(needs, "write"), ["/in.sock", "/up.sock"]);
});

Deno.test("needsOf adds what it takes to load the module, and what the module asks for, each once", () => {
  const needs = needsOf({
    net: [],
    permissions: {
      env: ["TOKEN"],
      read: ["/data", "samples"],
      run: ["git"],
      sys: ["hostname"],
      ffi: ["x.so"],
    },
  }, { sources: [{ value: "samples", why: "the module's folder" }] });
  assertEquals(needs.map(({ kind, value, why }) => `${kind} ${value}: ${why}`), [
    "net 127.0.0.1:6188: listens there",
    "read samples: the module's folder",
    'read /data: its "permissions"',
    'env TOKEN: its "permissions"',
    'run git: its "permissions"',
    'sys hostname: its "permissions"',
    'ffi x.so: its "permissions"',
  ]);
});

Deno.test("needsOf refuses an address that cannot be one", () => {
  assertThrows(() => needsOf({ listen: "127.0.0.1" }), RangeError, "127.0.0.1");
  assertThrows(() => needsOf({ upstreams: [{ address: "http://a" }] }), RangeError, "http://a");
});

const peers = ["a:1", "10.0.0.9:80"].map((address) => ({ address }));

const UNDECLARED: [string, ProxyModule, string[]][] = [
  ["no net declares what the upstreams are", { upstreams: peers }, []],
  ["all of them in net", { upstreams: peers, net: ["10.0.0.9:80", "a:1", "c:3"] }, []],
  ["a host without port stands for all of its ports", { upstreams: peers, net: ["a", "10.0.0.9"] }, []],
  ["one left out", { upstreams: peers, net: ["a:1"] }, ["10.0.0.9:80"]],
  ["another port", { upstreams: peers, net: ["a:2", "10.0.0.9:80"] }, ["a:1"]],
  ["a host that another one ends with", { upstreams: peers, net: ["ba:1", "10.0.0.9:80"] }, ["a:1"]],
  ["an empty net", { upstreams: peers, net: [] }, ["a:1", "10.0.0.9:80"]],
  ["members of a load balancer", { upstreams: new LoadBalancer(peers), net: ["a:1"] }, ["10.0.0.9:80"]],
  ["no upstreams", { net: ["a:1"] }, []],
  ["within a range", { upstreams: peers, net: ["a:1", "10.0.0.0/8"] }, []],
  ["beside a range", { upstreams: peers, net: ["a:1", "10.1.0.0/16"] }, ["10.0.0.9:80"]],
  ["a Unix socket left out", { upstreams: [{ address: "unix:/a.sock" }], net: ["a:1"] }, ["unix:/a.sock"]],
  ["a Unix socket in net", { upstreams: [{ address: "unix:/a.sock" }], net: ["unix:/a.sock"] }, []],
];

for (const [what, module, expected] of UNDECLARED) {
  Deno.test(`undeclared: ${what}`, () => assertEquals(undeclared(module), expected));
}

Deno.test("peersOf sees a list, a load balancer and nothing alike", () => {
  assertEquals(peersOf({ upstreams: peers }), peers);
  assertEquals(peersOf({ upstreams: new LoadBalancer(peers) }).map(({ address }) => address), [
    "a:1",
    "10.0.0.9:80",
  ]);
  assertEquals(peersOf({}), []);
});
