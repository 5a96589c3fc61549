import { assert, assertEquals } from "@std/assert";
import { type AccessEntry, HeaderList } from "../../src/mod.ts";
import { BOUNDS, Histogram, Quantiles } from "../../src/observe/histogram.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { SLOT, SLOTS, Timeline } from "../../src/observe/timeline.ts";

function entry(more: Partial<AccessEntry> = {}): AccessEntry {
  return {
    startedAt: 0,
    clientAddress: "127.0.0.1",
    method: "GET",
    target: "/",
    host: "a",
    status: 200,
    bytesSent: 0,
    bytesReceived: 0,
    flag: "-",
    listener: "",
    route: "",
    upstream: "-",
    attempts: 1,
    connectMs: 0,
    firstByteMs: 1,
    totalMs: 1,
    id: "x",
    headers: new HeaderList(),
    ...more,
  };
}

Deno.test("a time at a bound of a histogram counts as within it", () => {
  const histogram = new Histogram();
  for (const ms of [5, 5.01, 10_000, 10_001]) histogram.add(ms);
  const at = (i: number) => histogram.counts[i];
  assertEquals([at(0), at(1), at(BOUNDS.length - 1), at(BOUNDS.length)], [1, 1, 1, 1]);
  assertEquals(Math.round(histogram.sum), 20_011);
});

Deno.test("quantiles are within 9 % of the real ones, and survive what is no time", () => {
  const quantiles = new Quantiles();
  assertEquals(quantiles.at(0.5), undefined);
  for (let ms = 1; ms <= 1_000; ms++) quantiles.add(ms);
  for (const q of [0.01, 0.5, 0.9, 0.99, 1]) {
    const found = quantiles.at(q)!;
    assert(Math.abs(found / (1_000 * q) - 1) <= 0.09, `${q}: ${found}`);
  }
  quantiles.clear();
  for (const ms of [0, -1, NaN, Infinity]) quantiles.add(ms);
  assertEquals([quantiles.count, quantiles.at(0.5)! < 0.1], [4, true]);
});

Deno.test("a timeline keeps 15 minutes, with the silence in them", () => {
  let now = SLOT * 1_000;
  const timeline = new Timeline(() => now);
  timeline.add(false, 10);
  timeline.add(true, 10);
  now += SLOT * 2;
  timeline.add(false, 20);
  assertEquals(timeline.slots().map(({ requests, errors }) => [requests, errors]), [[2, 1], [0, 0], [1, 0]]);
  assertEquals(timeline.slots().map(({ p50 }) => p50 && Math.round(p50 / 10)), [1, undefined, 2]);
  now += SLOT * (SLOTS - 1);
  const slots = timeline.slots();
  assertEquals([slots.length, slots[0]!.requests, slots.at(-1)!.at], [SLOTS, 1, now]);
  now += SLOT * 1_000_000;
  assertEquals(timeline.slots().length, SLOTS);
});

Deno.test("metrics tell listeners, routes, methods and statuses apart, and fold methods that clients make up", () => {
  const metrics = new Metrics();
  for (let i = 0; i < 100; i++) metrics.add(entry({ method: `M${i}`, route: "a", listener: "public" }));
  metrics.add(entry({ route: "a", status: 503, attempts: 3, bytesSent: 7, bytesReceived: 5, connectMs: 2 }));
  metrics.add(entry({ route: "b", status: 499 }));
  const [a, b] = ["a", "b"].map((name) => metrics.routes.get(name)!);
  assertEquals([...a!.series.values()], [
    { listener: "public", method: "_OTHER", status: 200, count: 100 },
    { listener: "", method: "GET", status: 503, count: 1 },
  ]);
  assertEquals([a!.requests, a!.errors, a!.retries, a!.bytesSent, a!.bytesReceived], [101, 1, 2, 7, 5]);
  assertEquals([b!.clientAborts, b!.errors], [1, 0]);
  assertEquals(metrics.failures.map(({ status }) => status), [503]);
  metrics.keep(new Set(["b"]));
  assertEquals([...metrics.routes.keys()], ["b"]);
});

Deno.test("only the last failures are remembered", () => {
  const metrics = new Metrics();
  for (let i = 0; i < 1_000; i++) metrics.add(entry({ status: 500, id: String(i) }));
  assertEquals([metrics.failures.length, metrics.failures.at(-1)!.id], [50, "999"]);
});
