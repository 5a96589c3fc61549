import { assertEquals } from "@std/assert";
import { duration, milliseconds, percent, rounded } from "../../src/admin/words.ts";

Deno.test("numbers and times are short", () => {
  assertEquals([0, 7, 1.234, 12.34, 123.4, 1234567].map(rounded), [
    "0",
    "7",
    "1.23",
    "12.3",
    "123",
    "1\u2009234\u2009567",
  ]);
  assertEquals([0, 999, 61_000, 3_600_000, 90_061_000].map(duration), ["0s", "0s", "1m1s", "1h", "1d1h"]);
  assertEquals([null, undefined, 0.5, 12_345].map(milliseconds), ["–", "–", "0.50 ms", "12.3 s"]);
  assertEquals([0, 0.0001, 0.256].map(percent), ["0 %", "< 0.1 %", "25.6 %"]);
});
