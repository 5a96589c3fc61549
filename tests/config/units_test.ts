import { assertEquals } from "@std/assert";
import { bytes, DURATION, milliseconds, perSecond, RATE, SIZE } from "../../src/config/units.ts";

Deno.test("durations are read in milliseconds", () => {
  const given = { "250ms": 250, "10s": 10_000, "1.5m": 90_000, "1h": 3_600_000, "2d": 172_800_000, "0s": 0 };
  for (const [text, ms] of Object.entries(given)) {
    assertEquals([DURATION.test(text), milliseconds(text)], [true, ms], text);
  }
  assertEquals(milliseconds(7), 7);
});

Deno.test("sizes are read in bytes, in steps of 1,024", () => {
  const given = { "1B": 1, "64KB": 65_536, "1.5MB": 1_572_864, "2GB": 2_147_483_648 };
  for (const [text, size] of Object.entries(given)) {
    assertEquals([SIZE.test(text), bytes(text)], [true, size], text);
  }
});

Deno.test("rates are read for a second", () => {
  const given = { "100/s": 100, "90/m": 1.5, "36/h": 0.01, "86.4/d": 0.001 };
  for (const [text, rate] of Object.entries(given)) {
    assertEquals([RATE.test(text), perSecond(text)], [true, rate], text);
  }
});

Deno.test("what is no quantity is not taken for one", () => {
  for (const text of ["", "10", "s", "-1s", "1 s", "1S", "1e3s", "1h30m", "0x10s", "1.s", ".5s", "1s\n"]) {
    assertEquals([DURATION.test(text), SIZE.test(text), RATE.test(text)], [false, false, false], text);
  }
});
