/** How fast a client is, by the waits for it alone, with a made-up clock. */
import { assertEquals } from "@std/assert";
import { Rate } from "../../../src/downstream/tcp/rate.ts";

const LEAST = 240;

/** Waits that ended: how long each took, in milliseconds, and how many bytes it gave. */
type Waits = [ms: number, bytes: number][];

const RATES: [name: string, waits: Waits, waiting: number, isBelow: boolean][] = [
  ["5 s of silence are grace", [], 5_000, false],
  ["more than 5 s of silence are too much", [], 5_001, true],
  ["5 s of grace are there once, not for every wait", [[3_000, 1], [2_000, 1]], 1, true],
  ["exactly the least rate is enough", [[10_000, 2_640]], 1_000, false],
  ["a byte less is not", [[10_000, 2_639]], 1_000, true],
  ["what came quickly at first counts for later", [[0, 12_000]], 50_000, false],
  ["but not for ever", [[0, 12_000]], 50_001, true],
  ["nor for longer than a minute, however much it was", [[0, 1e9]], 60_000, false],
  ["nor for longer than a minute, however much came", [[0, 1e9]], 60_001, true],
  [
    "a byte every second is too slow",
    Array.from({ length: 6 }, () => [1_000, 1] as [number, number]),
    1,
    true,
  ],
];

for (const [name, waits, waiting, isBelow] of RATES) {
  Deno.test(`rate: ${name}`, () => {
    const rate = new Rate();
    let now = 1_000_000;
    for (const [ms, bytes] of waits) {
      rate.begin(now);
      rate.end(now += ms, bytes, LEAST);
      // What the proxy takes between two waits is not the client's.
      now += 3_600_000;
    }
    rate.begin(now);
    assertEquals(rate.isBelow(LEAST, now + waiting), isBelow);
  });
}

Deno.test("rate: nobody is slow who is not waited for, and nobody with a least rate of 0", () => {
  const rate = new Rate();
  assertEquals(rate.isBelow(LEAST, 3_600_000), false);
  rate.begin(0);
  assertEquals(rate.isBelow(0, 3_600_000), false);
  rate.end(3_600_000, 0, 0);
  assertEquals(rate.isBelow(LEAST, 3_700_000), false);
});

Deno.test("rate: a wait that was not the client's fault is taken back", () => {
  const rate = new Rate();
  rate.begin(0);
  rate.end(4_000, 1, LEAST);
  rate.restart(5_000);
  assertEquals(rate.isBelow(LEAST, 60_000), false);
  rate.begin(60_000);
  rate.restart(70_000);
  assertEquals([rate.isBelow(LEAST, 75_000), rate.isBelow(LEAST, 75_001)], [false, true]);
});
