import { assertEquals } from "@std/assert";
import { preferredCoding } from "../../src/http/accept_encoding.ts";

const OFFERED = ["zstd", "br", "gzip"] as const;

for (
  const [field, expected] of [
    [null, null],
    ["", null],
    ["gzip", "gzip"],
    ["GZip", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip, br", "br"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip;q=1, br;q=0.5", "gzip"],
    ["gzip;q=0.5, identity", null],
    ["gzip;q=0.5, identity;q=0.5", "gzip"],
    ["gzip, identity;q=0", "gzip"],
    ["*", "zstd"],
    ["zstd;q=0, *", "br"],
    ["*;q=0", null],
    ["gzip;q=0", null],
    ["gzip; Q=0.001", "gzip"],
    ["deflate", null],
    ["gzip;q=2", null],
    ["gzip;q=-1, br", null],
    [", gzip ,", "gzip"],
  ] as const
) {
  Deno.test(`a client that accepts ${JSON.stringify(field)} gets ${expected ?? "no coding"}`, () => {
    assertEquals(preferredCoding(field, OFFERED), expected);
  });
}

Deno.test("only what is offered is chosen, in that order", () => {
  assertEquals(preferredCoding("gzip, br", ["gzip", "br"]), "gzip");
  assertEquals(preferredCoding("br", ["gzip"]), null);
});
