import { assertEquals } from "@std/assert";
import { netScope } from "../../src/sandbox/net_scope.ts";

/** A list, what lies within, what does not. */
const SCOPES: [string, string[], string[], string[]][] = [
  ["nothing", [], [], ["a:1", "127.0.0.1:80", "unix:/a"]],
  ["a host stands for all of its ports", ["a.example"], ["a.example:1", "a.example:443"], [
    "b.example:1",
    "a.example.evil:1",
    "evil-a.example:1",
    "evil.a.example:1",
    "a.exampl:1",
    "xa.example:1",
  ]],
  ["a host with a port", ["a.example:443"], ["a.example:443"], [
    "a.example:80",
    "a.example:4433",
    "a.example:44",
    "b.a.example:443",
  ]],
  ["case", ["A.Example:443", "*.B.example"], ["a.example:443", "a.EXAMPLE:443", "X.b.Example:1"], []],
  ["an address", ["127.0.0.1:80"], ["127.0.0.1:80"], [
    "127.0.0.1:8080",
    "127.0.0.11:80",
    "27.0.0.1:80",
    "localhost:80",
    "[::1]:80",
    "[::ffff:127.0.0.1]:80",
    "0.0.0.0:80",
    "127.1:80",
  ]],
  ["IPv6 with a port", ["[::1]:80"], ["[::1]:80"], ["[::1]:81", "[::11]:80", "[::2]:80", "127.0.0.1:80"]],
  ["IPv6 without a port", ["[fe80::1]"], ["[fe80::1]:80", "[FE80::1]:443"], ["[fe80::2]:80"]],
  ["a range", ["10.0.0.0/8"], ["10.0.0.1:80", "10.255.255.255:1"], [
    "11.0.0.0:80",
    "9.255.255.255:80",
    "110.0.0.1:80",
    "10.example:80",
    "[::ffff:10.0.0.1]:80",
    "[a00::1]:80",
  ]],
  ["a range with a port", ["10.0.0.0/8:80"], ["10.0.0.1:80"], [
    "10.0.0.1:8080",
    "10.0.0.1:81",
    "11.0.0.1:80",
  ]],
  ["a small range", ["192.168.1.4/30"], ["192.168.1.4:1", "192.168.1.7:1"], [
    "192.168.1.3:1",
    "192.168.1.8:1",
  ]],
  ["a pattern without a port", ["*.a.example"], ["b.a.example:80", "c.b.a.example:443"], [
    "a.example:80",
    "evil-a.example:80",
    "ba.example:80",
    "b.a.example.evil:80",
    "b.a.examplee:80",
  ]],
  ["a pattern with a port", ["*.a.example:443"], ["b.a.example:443"], ["b.a.example:80", "b.a.example:4433"]],
  ["a socket", ["unix:/run/a.sock"], ["unix:/run/a.sock"], [
    "unix:/run/A.sock",
    "unix:/run/b.sock",
    "unix:/run/../run/a.sock",
    "unix:/run/a.sock/",
    "unix:/run",
  ]],
  ["a socket's name is no host", ["unix:/a"], ["unix:/a"], ["a:1"]],
  ["several", ["a:1", "10.0.0.0/8", "*.b"], ["a:1", "10.1.1.1:1", "x.b:1"], ["a:2", "b:1", "x.a:1"]],
];

for (const [what, net, within, beyond] of SCOPES) {
  Deno.test(`netScope: ${what}`, () => {
    const isDeclared = netScope(net);
    assertEquals([...within, ...beyond].filter(isDeclared), within);
  });
}
