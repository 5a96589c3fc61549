import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Member } from "../../src/balance/backend.ts";
import { dnsDiscovery, type DnsDiscoveryOptions } from "../../src/balance/dns_discovery.ts";
import { captureLog } from "../support/captured_log.ts";
import { type DnsServer, dnsServer, type DnsZone } from "../support/dns_server.ts";
import { until } from "../support/until.ts";
import { within } from "../support/wire.ts";

/** Without it, only the system's server is asked for TTLs. */
const { state } = await Deno.permissions.query({ name: "sys", kind: "networkInterfaces" });
const HEEDS_TTLS = state === "granted";

/** A discovery under way. */
interface Running extends AsyncDisposable {
  readonly server: DnsServer;
  /** What it found, each time. */
  readonly found: (readonly Member[])[];
  /** The addresses it found, each time. */
  readonly addresses: string[][];
  /** Resolves when it found something for the nth time. */
  times(n: number): Promise<void>;
}

const QUICK = { interval: 5, minTtl: 1, maxTtl: 5, jitter: 0 };

async function discover(zone: DnsZone, options: Partial<DnsDiscoveryOptions>): Promise<Running> {
  const server = await dnsServer(zone);
  const found: (readonly Member[])[] = [];
  const stopping = new AbortController();
  const discovery = dnsDiscovery({
    name: "a.test",
    nameServer: server.nameServer,
    ...QUICK,
    ...options,
  });
  const running = discovery.run(stopping.signal, (members) => found.push(members));
  return {
    server,
    found,
    get addresses() {
      return found.map((members) => members.map(({ peer }) => peer.address));
    },
    times: (n) => until(`it found something ${n} times`, () => found.length >= n),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await within(running, "the discovery to stop");
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("the addresses of a name, of both families, become members with its port", async () => {
  await using dns = await discover({ "A a.test": ["10.0.0.2", "10.0.0.1"], "AAAA a.test": ["fd00::1"] }, {
    port: 80,
  });
  await dns.times(1);
  assertEquals(dns.addresses, [["10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"]]);
});

Deno.test("one family alone is asked for when that is said", async () => {
  await using dns = await discover({ "A a.test": ["10.0.0.1"], "AAAA a.test": ["fd00::1"] }, {
    port: 80,
    family: 6,
  });
  await dns.times(1);
  assertEquals(dns.addresses, [["[fd00::1]:80"]]);
  assert(dns.server.asked.every((question) => question === "AAAA a.test"), dns.server.asked.join());
});

Deno.test("members have the settings given, and TLS goes by the name rather than the address", async () => {
  await using dns = await discover({ "A a.test": ["10.0.0.1"] }, {
    port: 443,
    peer: { tls: {}, group: "g" },
    member: { maxInFlight: 3 },
  });
  await dns.times(1);
  assertEquals(dns.found[0], [{
    maxInFlight: 3,
    peer: { tls: { serverName: "a.test" }, group: "g", address: "10.0.0.1:443" },
  }]);
});

Deno.test("a change is found when it is asked again, and no change, or another order, is not passed on", async () => {
  await using dns = await discover({ "A a.test": ["10.0.0.1", "10.0.0.2"] }, { port: 80 });
  await dns.times(1);
  dns.server.zone = { "A a.test": ["10.0.0.2", "10.0.0.1"] };
  const before = dns.server.asked.length;
  await until("it asked again", () => dns.server.asked.length > before + 4);
  dns.server.zone = { "A a.test": ["10.0.0.2", "10.0.0.3"] };
  await dns.times(2);
  assertEquals(dns.addresses, [["10.0.0.1:80", "10.0.0.2:80"], ["10.0.0.2:80", "10.0.0.3:80"]]);
});

for (
  const [name, answer, cause] of [
    ["is empty", [], "no A records"],
    ["is a failure of the server", "broken", "no A records"],
    ["does not come", "silent", "no answer within 50 ms"],
  ] as const
) {
  Deno.test(`when an answer ${name}, what was found is kept, and it is said once, and once when it is over`, async () => {
    using log = captureLog();
    await using dns = await discover({ "A a.test": ["10.0.0.1"] }, { port: 80, family: 4, timeout: 50 });
    await dns.times(1);
    dns.server.zone = { "A a.test": answer };
    await log.line("cannot resolve");
    const before = dns.server.asked.length;
    await until("it asked again", () => dns.server.asked.length > before + 2);
    dns.server.zone = { "A a.test": ["10.0.0.9"] };
    await dns.times(2);
    assertEquals(dns.addresses, [["10.0.0.1:80"], ["10.0.0.9:80"]]);
    assertEquals(
      log.lines,
      [
        `WARN discovery dns a.test: cannot resolve a.test: ${cause}; what was found before is kept`,
        "INFO discovery dns a.test: a.test resolves again",
      ].map((line) => line.replace("ProxyError: ", "")),
    );
  });
}

Deno.test("when nothing was ever found, the group is left as it is", async () => {
  using log = captureLog();
  await using dns = await discover({}, { port: 80 });
  assertEquals(
    await log.line("cannot"),
    "WARN discovery dns a.test: cannot resolve a.test: no A or AAAA records",
  );
  assertEquals(dns.found, []);
});

Deno.test("a family that gets no answer does not hold up the other, and keeps what was known of it", async () => {
  using log = captureLog();
  await using dns = await discover({ "A a.test": ["10.0.0.1"], "AAAA a.test": ["fd00::1"] }, {
    port: 80,
    timeout: 50,
  });
  await dns.times(1);
  dns.server.zone = { "A a.test": ["10.0.0.2"], "AAAA a.test": "silent" };
  await dns.times(2);
  assertEquals(dns.addresses[1], ["10.0.0.2:80", "[fd00::1]:80"]);
  assertEquals(log.lines, []);
});

Deno.test("SRV records give port, priority and weight, and their targets' addresses", async () => {
  await using dns = await discover({
    "SRV _http._tcp.a.test": [
      { priority: 10, weight: 3, port: 8001, target: "one.a.test" },
      { priority: 20, weight: 0, port: 8002, target: "two.a.test" },
      { priority: 30, weight: 1, port: 8001, target: "one.a.test" },
    ],
    "A one.a.test": ["10.0.0.1", "10.0.0.2"],
    "AAAA two.a.test": ["fd00::2"],
  }, { name: "_http._tcp.a.test", peer: { tls: {} } });
  await dns.times(1);
  assertEquals(
    dns.found[0]!.map(({ peer, priority, weight }) => [peer.address, priority, weight, peer.tls?.serverName]),
    [
      ["10.0.0.1:8001", 10, 3, "one.a.test"],
      ["10.0.0.2:8001", 10, 3, "one.a.test"],
      ["[fd00::2]:8002", 20, 1, "two.a.test"],
    ],
  );
});

Deno.test("when SRV records or the addresses of a target are gone, the last ones are kept", async () => {
  using log = captureLog();
  const name = "_http._tcp.a.test";
  const srv = (port: number) => ({ priority: 1, weight: 1, port, target: "one.a.test" });
  await using dns = await discover({ [`SRV ${name}`]: [srv(1)], "A one.a.test": ["10.0.0.1"] }, { name });
  await dns.times(1);
  dns.server.zone = { [`SRV ${name}`]: [srv(2)] };
  await dns.times(2);
  dns.server.zone = { "A one.a.test": ["10.0.0.2"] };
  await dns.times(3);
  assertEquals(dns.addresses, [["10.0.0.1:1"], ["10.0.0.1:2"], ["10.0.0.2:2"]]);
  assertEquals(log.lines.slice(0, 2).map((line) => line.replace(/^.*cannot/, "cannot")), [
    "cannot resolve one.a.test: no A or AAAA records; what was found before is kept",
    `cannot resolve ${name}: no SRV records; what was found before is kept`,
  ]);
});

Deno.test("an SRV target of a dot says that there is no service, and takes nothing away", async () => {
  using log = captureLog();
  const name = "_http._tcp.a.test";
  await using dns = await discover({ [`SRV ${name}`]: [{ priority: 0, weight: 0, port: 0, target: "." }] }, {
    name,
  });
  await log.line(`cannot resolve ${name}: no SRV records`);
  assertEquals(dns.found, []);
});

Deno.test({
  name: "a TTL says when to ask again",
  ignore: !HEEDS_TTLS,
  async fn() {
    await using dns = await discover({ "A a.test": ["10.0.0.1"] }, {
      port: 80,
      family: 4,
      interval: 2_000_000,
      maxTtl: 5,
    });
    await until("it asked again", () => dns.server.asked.length > 2);
  },
});

Deno.test({
  name: "a short TTL does not make it ask more often than the least",
  ignore: !HEEDS_TTLS,
  async fn() {
    await using dns = await discover({ "A a.test": ["10.0.0.1"] }, {
      port: 80,
      family: 4,
      interval: 1,
      minTtl: 2_000_000,
      maxTtl: 2_000_000,
    });
    dns.server.ttl = 0;
    await dns.times(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(dns.server.asked, ["A a.test"]);
  },
});

Deno.test("a discovery that waits for an answer stops at once", async () => {
  const dns = await discover({ "A a.test": "silent", "AAAA a.test": "silent" }, {
    port: 80,
    timeout: 60_000,
  });
  await until("it asked", () => dns.server.asked.length > 1);
  await dns[Symbol.asyncDispose]();
  assertEquals(dns.found, []);
});

Deno.test("options that cannot be used are refused", () => {
  for (
    const [options, message] of [
      [{ name: "a b" }, '"name": expected a host name, found a b'],
      [{ interval: 0 }, '"interval": expected milliseconds from 1 to 2147483647, found 0'],
      [{ jitter: 2 }, '"jitter": expected a number from 0 to 1, found 2'],
    ] as const
  ) {
    const error = assertThrows(() => dnsDiscovery({ name: "a.test", ...options }), RangeError) as Error;
    assertEquals(error.message, `Cannot use discovery ${message}`);
  }
});
