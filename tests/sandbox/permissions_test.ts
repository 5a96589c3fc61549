import { assertEquals, assertThrows } from "@std/assert";
import type { ProxyModule } from "../../src/mod.ts";
import { LoadBalancer } from "../../src/mod.ts";
import {
  missingText,
  neededNet,
  netFlag,
  peersOf,
  undeclared,
  verifyPermissions,
} from "../../src/sandbox/permissions.ts";

const NEEDED: [string, ProxyModule, string | undefined, string[]][] = [
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
    [
      "127.0.0.1:90",
      "a:1",
    ],
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
    "Unix sockets",
    { listen: "unix:/run/in.sock", upstreams: [{ address: "unix:/run/up.sock" }] },
    undefined,
    [
      "unix:/run/in.sock",
      "unix:/run/up.sock",
    ],
  ],
];

for (const [what, module, listen, expected] of NEEDED) {
  Deno.test(`neededNet: ${what}`, () => assertEquals(neededNet(module, listen), expected));
}

Deno.test("neededNet refuses an address that cannot be one", () => {
  assertThrows(() => neededNet({ listen: "127.0.0.1" }), RangeError, "127.0.0.1");
  assertThrows(() => neededNet({ upstreams: [{ address: "http://a" }] }), RangeError, "http://a");
});

Deno.test("netFlag names every address, separated by commas", () => {
  assertEquals(netFlag(["127.0.0.1:80", "a:1"]), "--allow-net=127.0.0.1:80,a:1");
});

Deno.test("netFlag adds the files of Unix sockets, which Deno asks for beside net", () => {
  assertEquals(
    netFlag(["unix:/in.sock", "a:1", "unix:/up.sock"]),
    "--allow-net=unix:/in.sock,a:1,unix:/up.sock --allow-read=/in.sock,/up.sock --allow-write=/in.sock,/up.sock",
  );
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
  ["a range is left to Deno to judge", { upstreams: peers, net: ["a:1", "10.0.0.0/8"] }, []],
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

// A test may be given less than the process has, so what is missing can be seen without another process.
Deno.test({
  name: "verifyPermissions finds what is missing and nothing too wide",
  permissions: { net: ["127.0.0.1:80", "a.example:443"] },
  fn() {
    assertEquals(verifyPermissions(["127.0.0.1:80", "a.example:443"]), { missing: [], wider: undefined });
    assertEquals(verifyPermissions(["127.0.0.1:81", "127.0.0.1:80", "b.example:443"]).missing, [
      "127.0.0.1:81",
      "b.example:443",
    ]);
    assertEquals(verifyPermissions(["unix:/a.sock"]).missing[0], "unix:/a.sock");
  },
});

Deno.test({
  name: "verifyPermissions finds a network permission without a list too wide",
  permissions: { net: true },
  fn: () => assertEquals(verifyPermissions(["127.0.0.1:80"]), { missing: [], wider: "--allow-net" }),
});

Deno.test({
  name: "verifyPermissions does not ask Deno about ranges and patterns, which it cannot answer",
  permissions: { net: [] },
  fn: () => assertEquals(verifyPermissions(["10.0.0.0/8", "*.a.example:443"]).missing, []),
});

Deno.test({
  name: "missingText names what is missing and the flag to run with, or nothing",
  permissions: { net: ["127.0.0.1:80"] },
  fn() {
    assertEquals(missingText(["127.0.0.1:80"]), undefined);
    assertEquals(
      missingText(["127.0.0.1:80", "a.example:443"]),
      "no permission for a.example:443: run with --allow-net=127.0.0.1:80,a.example:443",
    );
  },
});
