import { assert, assertEquals } from "@std/assert";
import { type Delivery, type Outcome, readResponse } from "../support/fake_exchange.ts";
import { rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { Random } from "../support/random.ts";
import { makeResponse, mutate } from "../support/response_maker.ts";
import { send, statusOf } from "../support/send.ts";
import { until } from "../support/until.ts";
import { requestText } from "../support/wire.ts";

const READINGS = ["stream", "whole", "slow"] as const;

/** A response that comes at once, byte by byte if it is short, and in random pieces. */
function deliveries(random: Random, text: string, then: Delivery["then"]): Delivery[] {
  const cuts = [[], random.cuts(text.length, 3), random.cuts(text.length, 3), random.cuts(text.length, 40)];
  if (text.length < 400) cuts.push(Array.from({ length: text.length }, (_, i) => i));
  return cuts.map((cuts) => ({ cuts, then, reading: random.pick(READINGS) }));
}

/** Reads the response and says, when that fails, which one it was. */
async function outcomeOf(seed: number, method: string, text: string, delivery: Delivery): Promise<Outcome> {
  try {
    return await readResponse(method, text, delivery);
  } catch (error) {
    throw new Error(`${describe(seed, text, delivery)}: ${error}`, { cause: error });
  }
}

function describe(seed: number, text: string, { cuts, reading, then }: Delivery): string {
  const split = JSON.stringify(cuts).slice(0, 100);
  return `seed ${seed}, split at ${split}, ${reading}, ${then}, ${JSON.stringify(text.slice(0, 600))}`;
}

function assertSame(found: Outcome, expected: Outcome, what: () => string): void {
  const same = found.status === expected.status && found.error === expected.error &&
    found.idle === expected.idle &&
    found.body === expected.body && found.lines.join("\n") === expected.lines.join("\n");
  if (!same) assertEquals(found, expected, what());
}

Deno.test("a valid response is read as what it means, however it is split", async () => {
  for (let seed = 1; seed <= 1500; seed++) {
    const random = new Random(seed);
    const { method, text, status, lines, body, untilClose, reusable } = makeResponse(random);
    const then = untilClose ? "end" : "open";
    const expected = { status, lines, body, error: "", idle: reusable };
    for (const delivery of deliveries(random, text, then)) {
      const outcome = await outcomeOf(seed, method, text, delivery);
      assertSame(outcome, expected, () => describe(seed, text, delivery));
    }
  }
});

Deno.test("bytes behind a valid response change nothing of it and cost the connection, however they are split", async () => {
  for (let seed = 5001; seed <= 5500; seed++) {
    const random = new Random(seed);
    const made = makeResponse(random);
    if (made.untilClose) continue;
    const { method, status, lines, body } = made;
    const text = made.text +
      random.pick(["\r\n", "x", "\0", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", made.text]);
    const expected = { status, lines, body, error: "", idle: false };
    for (const delivery of deliveries(random, text, "open")) {
      const outcome = await outcomeOf(seed, method, text, delivery);
      assertSame(outcome, expected, () => describe(seed, text, delivery));
    }
  }
});

Deno.test("a valid response without its last bytes is never taken for a whole one", async () => {
  for (let seed = 7001; seed <= 7400; seed++) {
    const random = new Random(seed);
    const made = makeResponse(random);
    if (made.untilClose) continue;
    const text = made.text.slice(0, random.once(2) ? -1 : random.below(made.text.length));
    for (const delivery of deliveries(random, text, "end")) {
      const outcome = await outcomeOf(seed, made.method, text, delivery);
      assertEquals(outcome.error, "upstream_closed", describe(seed, text, delivery));
    }
  }
});

Deno.test("a mutated response is read or refused, never hangs, and how it is split makes no difference", async () => {
  const seen = new Map<string, number>();
  for (let seed = 10_001; seed <= 12_000; seed++) {
    const random = new Random(seed);
    const made = makeResponse(random);
    const text = mutate(random, made.text);
    for (const then of ["end", "open"] as const) {
      let first: Outcome | undefined;
      for (const delivery of deliveries(random, text, then)) {
        const outcome = await outcomeOf(seed, made.method, text, delivery);
        first ??= outcome;
        assertSame(outcome, first, () => describe(seed, text, delivery));
      }
      const { error } = first!;
      const allowed = then === "end"
        ? ["", "bad_response", "upstream_closed"]
        : ["", "bad_response", "waiting"];
      assert(allowed.includes(error), `${error}, seed ${seed}`);
      seen.set(error, (seen.get(error) ?? 0) + 1);
    }
  }
  // The mutations are worth something only if they bring about all of these often.
  for (const error of ["", "bad_response", "upstream_closed", "waiting"]) {
    assert((seen.get(error) ?? 0) > 200, `${error || "read"}: ${seen.get(error)} times`);
  }
});

Deno.test("every request that gets a mutated response is answered, and every connection is closed", async () => {
  const count = 64;
  let answered = 0;
  let open = 0;
  await using origin = rawOrigin(async (connection) => {
    open++;
    const random = new Random(20_000 + connection.number);
    await connection.readHead();
    const text = mutate(random, makeResponse(random).text);
    let at = 0;
    for (const end of [...random.cuts(text.length, 3), text.length]) {
      await connection.write(text.slice(at, end)).catch(() => {});
      at = end;
      await new Promise((resolve) => setTimeout(resolve, random.below(3)));
    }
    await connection.closeWrite().catch(() => {});
    await connection.closed();
    open--;
  });
  await using proxy = testProxy(origin.address);
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (answered < count) {
      answered++;
      const status = statusOf(await send(proxy.address, requestText("GET", "/")));
      assert(status >= 200 && status <= 599, `status ${status}`);
    }
  }));
  await until("the proxy has closed every connection", () => open === 0);
  await proxy.ended(count);
  assertEquals([proxy.idleConnections, proxy.counters.active], [0, 0]);
  const flags = new Set(proxy.entries.map(({ flag }) => flag));
  for (const flag of ["-", "UC", "UPE"]) assert(flags.has(flag), `no request ended with ${flag}`);
});
