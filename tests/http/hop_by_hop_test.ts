import { assert, assertEquals } from "@std/assert";
import { HeaderList } from "../../src/http/headers.ts";
import { removeNamed, switchable } from "../../src/http/hop_by_hop.ts";

Deno.test("fields that Connection names are removed, whatever their spelling, but never Host", () => {
  const headers = new HeaderList([["Host", "a"], ["X-A", "1"], ["x-b", "2"], ["X-a", "3"]]);
  removeNamed(headers, "close, HOST , x-A");
  assertEquals(headers.lines, ["Host", "a", "x-b", "2"]);
});

Deno.test("a Connection of thousands of names takes no time to speak of", () => {
  const headers = new HeaderList(Array.from({ length: 200 }, (_, i): [string, string] => [`x-${i}`, "1"]));
  const before = performance.now();
  removeNamed(headers, "b,".repeat(500_000));
  // A pass for every name would take seconds.
  assert(performance.now() - before < 2_000);
  assertEquals(headers.lines.length, 400);
});

Deno.test("neither HTTP in another form nor TLS can be switched to", () => {
  const kept: [string, string | null][] = [
    ["websocket", "websocket"],
    ["h2c", null],
    ["H2C, websocket, h2", "websocket"],
    ["TLS/1.0, HTTP/1.1", null],
    ["HTTP/2.0", null],
    ["h2cx, tlsx", "h2cx, tlsx"],
  ];
  for (const [asked, expected] of kept) assertEquals(switchable(asked), expected, asked);
});
