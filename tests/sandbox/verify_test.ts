// A test may be given less than the process has, so what is missing can be seen without another process.
import { assertEquals } from "@std/assert";
import type { Need } from "../../src/sandbox/needs.ts";
import { missing, missingText, wider } from "../../src/sandbox/verify.ts";

const net = (...values: string[]): Need[] => values.map((value) => ({ kind: "net", value, why: "" }));

Deno.test({
  name: "missing finds what is not granted, and wider nothing too much",
  permissions: { net: ["127.0.0.1:80", "a.example:443"] },
  fn() {
    const granted = net("127.0.0.1:80", "a.example:443");
    assertEquals([missing(granted), wider(granted)], [[], []]);
    const found = missing(net("127.0.0.1:81", "127.0.0.1:80", "b.example:443", "unix:/a.sock"));
    assertEquals(found.map(({ value }) => value), ["127.0.0.1:81", "b.example:443", "unix:/a.sock"]);
    assertEquals(missing([{ kind: "read", value: "/etc", why: "" }]).length, 1);
  },
});

Deno.test({
  name: "missing does not ask Deno about ranges and patterns, which it cannot answer",
  permissions: { net: [] },
  fn: () => assertEquals(missing(net("10.0.0.0/8", "*.a.example:443")), []),
});

Deno.test({
  name: "missingText names what is missing and the flags to run with, or nothing",
  permissions: { net: ["127.0.0.1:80"] },
  fn() {
    assertEquals(missingText(net("127.0.0.1:80")), undefined);
    assertEquals(
      missingText(net("127.0.0.1:80", "a.example:443")),
      "no permission for a.example:443: run with --allow-net=127.0.0.1:80,a.example:443",
    );
    assertEquals(
      missingText([...net("127.0.0.1:80"), { kind: "env", value: "TOKEN", why: "" }]),
      "no permission for env of TOKEN: run with --allow-net=127.0.0.1:80 --allow-env=TOKEN",
    );
  },
});

Deno.test({
  name: "wider finds a network permission without a list",
  permissions: { net: true },
  fn: () => assertEquals(wider(net("127.0.0.1:80")), ["--allow-net"]),
});

Deno.test({
  name: "wider finds a host granted with all of its ports where one is needed",
  permissions: { net: ["127.0.0.1", "a.example", "b.example:1"] },
  fn() {
    assertEquals(wider(net("127.0.0.1:80", "a.example:443", "b.example:1")), [
      "--allow-net=127.0.0.1",
      "--allow-net=a.example",
    ]);
    assertEquals(wider(net("127.0.0.1", "a.example", "b.example:1")), []);
  },
});

Deno.test({
  name: "wider finds hosts that nobody needs",
  permissions: { net: ["127.0.0.1:80", "localhost", "169.254.169.254"] },
  fn: () =>
    assertEquals(wider(net("127.0.0.1:80")), ["--allow-net=localhost", "--allow-net=169.254.169.254"]),
});

Deno.test({
  name: "wider takes a range at its word, as Deno cannot be asked about it",
  permissions: { net: ["10.0.0.0/8", "127.0.0.1:80"] },
  fn: () => assertEquals(wider(net("10.0.0.0/8", "127.0.0.1:80")), []),
});
