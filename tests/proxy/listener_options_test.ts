/**
 * The settings of a listener, checked before it listens.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { limitsOf } from "../../src/downstream/tcp/limits.ts";
import { type ListenerOptions, startProxy } from "../../src/mod.ts";
import { listenerOf, listenerProblems } from "../../src/proxy/listener_check.ts";
import { checkModule, ModuleError } from "../../src/proxy/module.ts";

const upstreamPeer = () => ({ address: "127.0.0.1:1" });

const TIME = "expected a number of milliseconds >= 0, 0 is for ever";
const COUNT = "expected a whole number >= 0, 0 is no limit";
const RATE = "expected a number of bytes a second >= 0";
const FIELDS = "expected a whole number >= 1";
const LINE = "expected a whole number of bytes from 256 to 1048576";
const HEAD = "expected a whole number of bytes from 1024 to 1048576";
const DISCARD = "expected a whole number of bytes from 0 to 9007199254740991";
const TLS = "expected { cert, key }, the paths of two PEM files, or a list of such pairs";
const PORTS = "expected a list of ports from 0 to 65535, each once";
const HSTS =
  "expected { maxAge }, a whole number of seconds, with includeSubDomains and preload true or false";
const ADDRESS = 'expected an IP address or a CIDR range such as "10.0.0.0/8"';
const KNOWN =
  "known are reusePort, front, tls, relayPorts, hsts, redirectHttp, redirectPort, proxyProtocol, headTimeout, idleTimeout, " +
  "writeTimeout, tunnelTimeout, minRate, maxConnections, maxConnectionsPerAddress, maxRequests, http2, maxStreams, maxRequestLine, maxHead, maxFields, maxDiscard, maxMessage";

/** For every setting: values that will not do, as they are shown, and what is expected. */
const BAD: [name: keyof ListenerOptions, values: [unknown, shown: string][], expected: string][] = [
  ["http2", [["true", '"true"'], [1, "1"]], "expected true or false"],
  ["front", [["bogus", '"bogus"'], ["TCP", '"TCP"'], [null, "null"], [1, "1"]], 'expected "serve" or "tcp"'],
  ...(["headTimeout", "idleTimeout", "writeTimeout", "tunnelTimeout"] as const).map((
    name,
  ): typeof BAD[number] => [name, [["5s", '"5s"'], [-1, "-1"], [NaN, "NaN"], [Infinity, "Infinity"], [
    null,
    "null",
  ]], TIME]),
  ["minRate", [["slow", '"slow"'], [-0.1, "-0.1"], [Infinity, "Infinity"]], RATE],
  ...(["maxConnections", "maxConnectionsPerAddress", "maxRequests", "maxStreams"] as const).map((
    name,
  ): typeof BAD[number] => [name, [["10", '"10"'], [-1, "-1"], [1.5, "1.5"], [Infinity, "Infinity"], [
    true,
    "true",
  ]], COUNT]),
  ["maxRequestLine", [[0, "0"], [255, "255"], [1_048_577, "1048577"], [300.5, "300.5"]], LINE],
  ["maxHead", [[0, "0"], [1_023, "1023"], [1_048_577, "1048577"], ["64k", '"64k"']], HEAD],
  ["maxFields", [[0, "0"], [-1, "-1"], [1.5, "1.5"]], FIELDS],
  ["maxDiscard", [[-1, "-1"], [0.5, "0.5"], [Infinity, "Infinity"]], DISCARD],
  ["tls", [["cert.pem", '"cert.pem"'], [{ cert: "a" }, "an object"], [{ cert: "a", key: 1 }, "an object"], [
    { cert: "a", key: "b", ca: "c" },
    "an object",
  ], [[], "a list"]], TLS],
  ["relayPorts", [[6190, "6190"], [[], "a list"], [[6190, 6190], "a list"], [[65536], "a list"], [
    ["6190"],
    "a list",
  ]], PORTS],
  ["hsts", [[true, "true"], [31536000, "31536000"], [{}, "an object"], [{ maxAge: -1 }, "an object"], [
    { maxAge: 1, preload: 1 },
    "an object",
  ], [{ maxAge: 1, includeSubdomains: true }, "an object"]], HSTS],
  ["redirectHttp", [[80, "80"], ["80", '"80"'], ["unix:/a", '"unix:/a"'], ["a:65536", '"a:65536"'], [
    true,
    "true",
  ]], 'expected an address such as "0.0.0.0:80"'],
  ["redirectPort", [["443", '"443"'], [0, "0"], [65536, "65536"]], "expected a port from 1 to 65535"],
  [
    "proxyProtocol",
    [["10.0.0.0/8", '"10.0.0.0/8"'], [true, "true"]],
    "expected a list of IP addresses and CIDR ranges",
  ],
];

for (const [name, values, expected] of BAD) {
  for (const [value, shown] of values) {
    Deno.test(`listener "${name}" cannot be ${shown}`, () => {
      assertEquals(listenerProblems({ front: "tcp", [name]: value }), [
        `listener "${name}" is ${shown}, ${expected}`,
      ]);
    });
  }
}

const PROBLEMS: [listener: unknown, problems: string[]][] = [
  [null, ['"listener" is null, expected an object']],
  ["tcp", ['"listener" is a string, expected an object']],
  [["tcp"], ['"listener" is a list, expected an object']],
  [{ front: "tcp", headTimout: 1 }, ['unknown listener "headTimout", did you mean "headTimeout"?']],
  [{ front: "tcp", max_connections: 1 }, [
    'unknown listener "max_connections", did you mean "maxConnections"?',
  ]],
  [{ front: "tcp", zzz: 1 }, [`unknown listener "zzz", ${KNOWN}`]],
  [{ front: "tcp", toString: 1 }, [`unknown listener "toString", ${KNOWN}`]],
  [{ front: "tcp", proxyProtocol: ["10.0.0.1", "bogus", 5, "10"] }, [
    `listener "proxyProtocol[1]" is "bogus", ${ADDRESS}`,
    `listener "proxyProtocol[2]" is 5, ${ADDRESS}`,
    `listener "proxyProtocol[3]" is "10", ${ADDRESS}`,
  ]],
  [{ headTimeout: -1, maxHead: 1, fron: "tcp" }, [
    `listener "headTimeout" is -1, ${TIME}`,
    `listener "maxHead" is 1, ${HEAD}`,
    'unknown listener "fron", did you mean "front"?',
  ]],
  [{ headTimeout: 1 }, ['listener "headTimeout" is for the front "tcp", this one is "serve"']],
  [{ front: "serve", tls: { cert: "a", key: "b" }, maxRequests: 0, proxyProtocol: [] }, [
    'listener "proxyProtocol" is for the front "tcp", this one is "serve"',
    'listener "maxRequests" is for the front "tcp", this one is "serve"',
  ]],
  [{ relayPorts: [0], hsts: { maxAge: 1 }, redirectHttp: "a:80", redirectPort: 1 }, [
    'listener "relayPorts" is for TLS, but there is no "tls"',
    'listener "hsts" is for TLS, but there is no "tls"',
    'listener "redirectHttp" is for TLS, but there is no "tls"',
    'listener "redirectPort" is for TLS, but there is no "tls"',
  ]],
  [{ front: "tcp", tls: { cert: "a", key: "b" }, relayPorts: [0] }, [
    'listener "relayPorts" is for the front "serve", this one is "tcp"',
  ]],
  [{ tls: [{ cert: "a", key: "b" }, { cert: "c", key: "d" }] }, [
    'listener "tls" has 2 pairs, for which the front "serve" needs "relayPorts"',
  ]],
  [{ tls: [{ cert: "a", key: "b" }, { cert: "c", key: "d" }], relayPorts: [6190] }, [
    'listener "relayPorts" has 1 ports, for 2 pairs in "tls"',
  ]],
  [{}, []],
  [{ front: "serve" }, []],
  [{ front: undefined, headTimeout: undefined, tls: undefined, proxyProtocol: undefined }, []],
  [{ front: "tcp", tls: { cert: "a", key: "b" }, proxyProtocol: ["::1"] }, []],
  [{ tls: { cert: "a", key: "b" } }, []],
  [{ tls: [{ cert: "a", key: "b" }, { cert: "c", key: "d" }], relayPorts: [0] }, []],
  [{
    front: "tcp",
    tls: { cert: "a", key: "b" },
    hsts: { maxAge: 0, includeSubDomains: true, preload: false },
    redirectHttp: "[::]:80",
    redirectPort: 8443,
  }, []],
  [{ front: "tcp", tls: [{ cert: "a", key: "b" }, { cert: "c", key: "d" }] }, []],
  [{
    front: "tcp",
    proxyProtocol: ["10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8"],
    headTimeout: 0,
    idleTimeout: 1.5,
    writeTimeout: 1e9,
    tunnelTimeout: 0,
    minRate: 0.5,
    maxConnections: 0,
    maxConnectionsPerAddress: 1,
    maxRequests: 0,
    maxRequestLine: 256,
    maxHead: 1_048_576,
    maxFields: 1,
    maxDiscard: 0,
  }, []],
];

for (const [listener, problems] of PROBLEMS) {
  Deno.test(`${problems.length} problems in the listener ${JSON.stringify(listener)}`, () => {
    assertEquals(listenerProblems(listener), problems);
    if (problems.length === 0) return;
    const error = assertThrows(
      () => checkModule("m", { upstreamPeer, listener }),
      ModuleError,
    ) as ModuleError;
    assertEquals(error.problems, problems);
    if (typeof listener !== "object" || listener === null || Array.isArray(listener)) return;
    const thrown = assertThrows(
      () => startProxy({ upstreamPeer }, { listen: "127.0.0.1:0", listener }),
      RangeError,
    );
    assertEquals(thrown.message, problems.join("; "));
  });
}

Deno.test("the settings of whoever starts a proxy come before the module's, field by field; undefined is none", () => {
  const own: ListenerOptions = { front: "tcp", headTimeout: 1, maxHead: 2_000 };
  const given = { headTimeout: 2, front: undefined } as unknown as ListenerOptions;
  assertEquals(listenerOf(own, given), { front: "tcp", headTimeout: 2, maxHead: 2_000 });
});

Deno.test("limits: left out and undefined are the defaults; 0 is no limit, but for a rate and for what is thrown away", () => {
  const defaults = limitsOf({});
  assertEquals(limitsOf({ headTimeout: undefined } as unknown as ListenerOptions), defaults);
  const zeros = Object.fromEntries(Object.keys(defaults).map((name) => [name, 0]));
  const limits = Object.entries(limitsOf(zeros)) as [string, number][];
  assertEquals(limits.filter(([, limit]) => limit !== Infinity), [["minRate", 0], ["maxDiscard", 0]]);
  assertEquals(defaults.maxConnectionsPerAddress, Infinity);
});
