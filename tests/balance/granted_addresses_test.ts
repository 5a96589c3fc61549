/**
 * What a discovery finds is used only where the permissions of the process allow it.
 */
import { assertEquals } from "@std/assert";
import type { Member } from "../../src/balance/backend.ts";
import { isGranted } from "../../src/balance/granted.ts";
import { Publisher } from "../../src/balance/publisher.ts";
import { staticDiscovery } from "../../src/balance/static_discovery.ts";
import { parseAddress } from "../../src/upstream/address.ts";
import { captureLog } from "../support/captured_log.ts";

const net = [
  "10.1.0.0/16",
  "127.0.0.1:80",
  "[fd00::1]:80",
  "*.example.com:443",
  "b.test",
  "unix:/tmp/x.sock",
];

function members(...addresses: string[]): Member[] {
  return addresses.map((address) => ({ peer: { address } }));
}

const STATES: [address: string, granted: boolean][] = [
  ["10.1.2.3:80", true],
  ["10.1.2.3:9", true],
  ["10.2.2.3:80", false],
  ["127.0.0.1:80", true],
  ["127.0.0.1:81", false],
  ["[fd00::1]:80", true],
  ["[fd00::2]:80", false],
  ["a.example.com:443", true],
  ["a.example.com:80", false],
  ["b.test:5", true],
  ["c.test:5", false],
  // It also takes the permissions to read and write.
  ["unix:/tmp/x.sock", false],
];
for (const [address, granted] of STATES) {
  Deno.test({
    name: `${address} is ${granted ? "" : "not "}within the permissions`,
    permissions: { net },
    fn: async () => assertEquals(await isGranted(parseAddress(address)), granted),
  });
}

Deno.test({
  name: "an address that is not granted is left out and said once, for as long as it is found",
  permissions: { net },
  async fn() {
    using log = captureLog();
    const found: string[] = [];
    const publisher = new Publisher("x", (all) => found.push(all.map(({ peer }) => peer.address).join()));
    const line = (address: string) =>
      `WARN discovery x: ${address} is left out, as it is outside of what --allow-net grants`;
    await publisher.publish(members("10.1.0.1:80", "10.2.0.1:80"));
    await publisher.publish(members("10.1.0.2:80", "10.2.0.1:80"));
    assertEquals(log.lines, [line("10.2.0.1:80")]);
    await publisher.publish(members("10.1.0.1:80"));
    await publisher.publish(members("10.1.0.1:80", "10.2.0.1:80"));
    assertEquals(log.lines, [line("10.2.0.1:80"), line("10.2.0.1:80")]);
    assertEquals(found, ["10.1.0.1:80", "10.1.0.2:80", "10.1.0.1:80"]);
  },
});

Deno.test({
  name: "when nothing that was found is granted, the group is left as it is",
  permissions: { net },
  async fn() {
    using log = captureLog();
    const found: unknown[] = [];
    await new Publisher("x", (all) => found.push(all)).publish(members("10.2.0.1:80"));
    assertEquals([found, log.lines.length], [[], 1]);
  },
});

Deno.test("what the group refuses is logged, and passed on again the next time", async () => {
  using log = captureLog();
  let calls = 0;
  const publisher = new Publisher("x", () => {
    if (++calls === 1) throw new RangeError("no");
  });
  for (let i = 0; i < 3; i++) await publisher.publish(members("127.0.0.1:80"));
  assertEquals(calls, 2);
  assertEquals(log.lines, ["ERROR discovery x: cannot use what was found: RangeError: no"]);
});

Deno.test("static members are found at once, peers as well as members", async () => {
  const found: (readonly Member[])[] = [];
  const discovery = staticDiscovery([{ address: "127.0.0.1:1" }, {
    peer: { address: "127.0.0.1:2" },
    weight: 2,
  }]);
  await discovery.run(new AbortController().signal, (all) => found.push(all));
  assertEquals(found, [[{ peer: { address: "127.0.0.1:1" } }, {
    peer: { address: "127.0.0.1:2" },
    weight: 2,
  }]]);
});
