/**
 * What a module declares, checked before it gets a request.
 */
import { assertEquals, assertThrows } from "@std/assert";
import type { ProxyOptions } from "../../src/mod.ts";
import { LoadBalancer, startProxy } from "../../src/mod.ts";
import { checkModule, ModuleError } from "../../src/proxy/module.ts";
import { optionsOf } from "../../src/proxy/options.ts";
import { e2e, postern } from "../support/process.ts";

const upstreamPeer = () => ({ address: "127.0.0.1:1" });

/** The problems of a module with these exports. */
function problems(exports: Record<string, unknown>): readonly string[] {
  try {
    checkModule("m", { upstreamPeer, ...exports });
    return [];
  } catch (error) {
    if (error instanceof ModuleError) return error.problems;
    throw error;
  }
}

/** A value in the name of a test; JSON knows neither NaN nor undefined. */
function named(value: unknown): string {
  return JSON.stringify(
    value,
    (_, part) => part === undefined || typeof part === "number" ? String(part) : part,
  );
}

const COUNT = "expected a whole number >= 0";
const TIME = "expected a number of milliseconds >= 0, 0 is for ever";
const BYTES = "expected a whole number of bytes >= 0, 0 is no limit";
const ADDRESS = 'expected an IP address or a CIDR range such as "10.0.0.0/8"';

const OPTIONS: [options: unknown, problems: string[]][] = [
  [{ retries: "two" }, [`option "retries" is "two", ${COUNT}`]],
  [{ retries: NaN }, [`option "retries" is NaN, ${COUNT}`]],
  [{ retries: -1 }, [`option "retries" is -1, ${COUNT}`]],
  [{ retries: 1.5 }, [`option "retries" is 1.5, ${COUNT}`]],
  [{ retries: Infinity }, [`option "retries" is Infinity, ${COUNT}`]],
  [{ retries: null }, [`option "retries" is null, ${COUNT}`]],
  [{ totalTimeout: "5s" }, [`option "totalTimeout" is "5s", ${TIME}`]],
  [{ clientBodyTimeout: NaN }, [`option "clientBodyTimeout" is NaN, ${TIME}`]],
  [{ clientWriteTimeout: Infinity }, [`option "clientWriteTimeout" is Infinity, ${TIME}`]],
  [{ totalTimeout: -1 }, [`option "totalTimeout" is -1, ${TIME}`]],
  [{ maxRequestBody: "1MB" }, [`option "maxRequestBody" is "1MB", ${BYTES}`]],
  [{ maxRequestBody: 0.5 }, [`option "maxRequestBody" is 0.5, ${BYTES}`]],
  [{ allowTrace: "no" }, ['option "allowTrace" is "no", expected true or false']],
  [{ allowTrace: 1 }, ['option "allowTrace" is 1, expected true or false']],
  [{ trustedProxies: "10.0.0.0/8" }, [
    'option "trustedProxies" is "10.0.0.0/8", expected a list of IP addresses and CIDR ranges',
  ]],
  [{ trustedProxies: ["10.0.0.1", "bogus", 5, "10.0.0.0/40", "10"] }, [
    `option "trustedProxies[1]" is "bogus", ${ADDRESS}`,
    `option "trustedProxies[2]" is 5, ${ADDRESS}`,
    `option "trustedProxies[3]" is "10.0.0.0/40", ${ADDRESS}`,
    `option "trustedProxies[4]" is "10", ${ADDRESS}`,
  ]],
  [{ retrys: 1, retries: "1", zzz: 1 }, [
    'unknown option "retrys", did you mean "retries"?',
    `option "retries" is "1", ${COUNT}`,
    'unknown option "zzz", known are retries, totalTimeout, clientBodyTimeout, clientWriteTimeout, ' +
    "maxRequestBody, trustedProxies, allowTrace, compression",
  ]],
  [{ toString: 1 }, [
    'unknown option "toString", known are retries, totalTimeout, clientBodyTimeout, clientWriteTimeout, ' +
    "maxRequestBody, trustedProxies, allowTrace, compression",
  ]],
  [[], ['"options" is a list, expected an object']],
  [null, ['"options" is null, expected an object']],
  [{
    retries: 0,
    totalTimeout: 0,
    clientBodyTimeout: 1.5,
    clientWriteTimeout: 1,
    maxRequestBody: 1e9,
    trustedProxies: ["10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8", "::ffff:10.0.0.0/104"],
    allowTrace: true,
  }, []],
  [{ retries: undefined }, []],
  [{}, []],
];

for (const [options, expected] of OPTIONS) {
  const text = named(options);
  Deno.test(`options ${text} are ${expected.length === 0 ? "taken" : "refused, every problem named"}`, () => {
    assertEquals(problems({ options }), expected);
    if (expected.length === 0) return;
    const given = options as ProxyOptions;
    const error = assertThrows(
      () => startProxy({ upstreamPeer, options: given, listen: "127.0.0.1:0" }),
      RangeError,
    );
    assertEquals((error as Error).message, expected.join("; "));
  });
}

Deno.test("an option that is undefined has its default: it must not turn into endless retries", () => {
  const given = { retries: undefined, totalTimeout: 5 } as unknown as ProxyOptions;
  const { retries, totalTimeout, allowTrace } = optionsOf(given);
  assertEquals([retries, totalTimeout, allowTrace], [1, 5, false]);
});

const address = "10.0.0.1:80";
const WAIT = "expected a number of milliseconds from 0 to 2147483647, 0 is for ever";

const PEERS: [peer: unknown, problems: string[]][] = [
  [{ address, tsl: {} }, ['unknown setting "upstreams[0].tsl", did you mean "tls"?']],
  [{ address, weight: 3 }, [
    'unknown setting "upstreams[0].weight", known are address, tls, timeouts, maxIdle, group, proxyProtocol, protocol',
  ]],
  [{ address, tls: { serverNam: "x" } }, [
    'unknown setting "upstreams[0].tls.serverNam", did you mean "serverName"?',
  ]],
  [{ address, timeouts: { conect: 3, connect: -1, tls: "5s", write: NaN, readIdle: Infinity } }, [
    'unknown setting "upstreams[0].timeouts.conect", did you mean "connect"?',
    `setting "upstreams[0].timeouts.connect" is -1, ${WAIT}`,
    `setting "upstreams[0].timeouts.tls" is "5s", ${WAIT}`,
    `setting "upstreams[0].timeouts.write" is NaN, ${WAIT}`,
    `setting "upstreams[0].timeouts.readIdle" is Infinity, ${WAIT}`,
  ]],
  [{ address, tls: { serverName: "", caCerts: "PEM", verifyName: "false" } }, [
    'setting "upstreams[0].tls.serverName" is "", expected a name',
    'setting "upstreams[0].tls.caCerts" is "PEM", expected a list of PEM texts',
    'setting "upstreams[0].tls.verifyName" is "false", expected true or false',
  ]],
  [{ address, tls: true, timeouts: 5, maxIdle: -1, group: 1 }, [
    'setting "upstreams[0].tls" is true, expected an object',
    'setting "upstreams[0].timeouts" is 5, expected an object',
    'setting "upstreams[0].maxIdle" is -1, expected a whole number >= 0',
    'setting "upstreams[0].group" is 1, expected a string',
  ]],
  [address, ['"upstreams[0]" is "10.0.0.1:80", expected an object such as { address: "10.0.0.1:80" }']],
  [{ tls: {} }, [
    '"upstreams[0]" has no "address", expected "host:port", "[v6]:port" (port 0 to 65535) or "unix:/path"',
  ]],
  [{ address: "http://a/" }, [
    'setting "upstreams[0].address" is "http://a/", expected "host:port", "[v6]:port" (port 0 to 65535) or "unix:/path"',
  ]],
  [{
    address,
    tls: { serverName: "a", caCerts: ["PEM"], verifyName: false },
    timeouts: { connect: 0, poolIdle: 0, firstByte: 1.5 },
    maxIdle: 0,
    group: "g",
  }, []],
  [{ address, tls: undefined, timeouts: { connect: undefined } }, []],
];

for (const [peer, expected] of PEERS) {
  const text = named(peer);
  Deno.test(`peer ${text} is ${expected.length === 0 ? "taken" : "refused, every problem named"}`, () => {
    assertEquals(problems({ upstreams: [peer] }), expected);
    assertEquals(problems({ upstreams: { peers: [peer], replace() {} } }), expected);
  });
}

Deno.test("a load balancer names every peer that it cannot use, and settings that it would pass over are found", () => {
  assertThrows(
    () => new LoadBalancer([{ address: "a" }, { address }, { address, timeouts: { connect: NaN } }]),
    RangeError,
    '; peers[2]: Cannot use time-out "connect": expected milliseconds from 0 to 2147483647, found NaN',
  );
  const upstreams = new LoadBalancer([{ address, tls: { serverNam: "x" } } as never]);
  assertEquals(problems({ upstreams }), [
    'unknown setting "upstreams[0].tls.serverNam", did you mean "serverName"?',
  ]);
});

Deno.test("a load balancer that cannot take its new members keeps the old", () => {
  const upstreams = new LoadBalancer([{ address }]);
  assertThrows(
    () => upstreams.replace([{ address: "10.0.0.2:80" }, { address: "a" }]),
    RangeError,
    "peers[1]",
  );
  assertEquals(upstreams.peers, [{ address }]);
});

const TAKEN = [
  "a",
  "a.example:443",
  "a_b.example.",
  "127.0.0.1",
  "127.0.0.1:0",
  "[::1]",
  "[fe80::1]:443",
  "10.0.0.0/8",
  "10.0.0.0/8:80",
  "*.a.example",
  "*.a.example:65535",
  "unix:/run/a b.sock",
];

Deno.test("net takes a host, a range or a pattern, each with or without port, and a Unix socket", () => {
  assertEquals(problems({ net: TAKEN }), []);
});

e2e("what net takes, Deno takes", async () => {
  const { code, err } = await postern([`--allow-net=${TAKEN.join(",")}`], ["--version"]);
  assertEquals([code, err], [0, []]);
});

const REFUSED: unknown[] = [
  "foo bar",
  "",
  "https://x.example/",
  "a:99999",
  "a:",
  ":80",
  "a..b:1",
  "*",
  "a.*.b",
  "::1",
  "[::::]:1",
  "[fe80::]/10",
  "10.0.0.0/33",
  "a:1,b:2",
  "unix:/a,b:2",
  "unix:a",
  "a\nb",
  5,
  null,
];

for (const entry of REFUSED) {
  Deno.test(`net with ${JSON.stringify(entry)} is refused with one problem`, () => {
    assertEquals(problems({ net: ["a:1", entry] }), [
      `"net[1]" is ${
        JSON.stringify(entry)
      }, expected "host", "host:port", "[v6]:port", an IPv4 range such as ` +
      '"10.0.0.0/8", "*.domain", "*.domain:port" or "unix:/path"',
    ]);
  });
}
