import { assertEquals } from "@std/assert";
import type { BodySource } from "../../src/http/body.ts";
import { REPLAY_LIMIT, ReplayBody } from "../../src/proxy/replay_body.ts";

/** A source whose chunks come when the test gives them. */
function source(): BodySource & { give(chunk: Uint8Array | null): Promise<void> } {
  let waiting = Promise.withResolvers<Uint8Array | null>();
  return {
    read: () => waiting.promise,
    cancel() {},
    get trailers() {
      return undefined;
    },
    async give(chunk) {
      const { resolve } = waiting;
      waiting = Promise.withResolvers();
      resolve(chunk);
      // Readers come first.
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

const small = (n: number) => new Uint8Array(1_000).fill(n);

Deno.test("a body is read once and is the same for every attempt", async () => {
  const from = source();
  const body = new ReplayBody(from);
  const first = body.fromStart();
  const reading = first.read();
  await from.give(small(1));
  assertEquals((await reading)![0], 1);
  const second = body.fromStart();
  assertEquals((await second.read())![0], 1);
  const end = second.read();
  await from.give(null);
  assertEquals([await end, await second.read(), body.replayable], [null, null, true]);
});

Deno.test("a chunk that an attempt was waiting for when it was given up goes to the next one alone", async () => {
  const from = source();
  const body = new ReplayBody(from);
  const old = body.fromStart();
  const first = old.read();
  await from.give(small(1));
  await first;
  const late = old.read();
  const next = body.fromStart();
  assertEquals((await next.read())![0], 1);
  const shared = next.read();
  await from.give(small(2));
  assertEquals([await late, (await shared)![0]], [null, 2]);
});

Deno.test("an attempt gets every chunk also when the limit is passed before it has read what was kept", async () => {
  const from = source();
  const body = new ReplayBody(from);
  const old = body.fromStart();
  const first = old.read();
  await from.give(small(1));
  await first;
  // The chunk that passes the limit is on its way for the attempt that is given up.
  const late = old.read();
  const next = body.fromStart();
  await from.give(new Uint8Array(REPLAY_LIMIT).fill(2));
  assertEquals([(await next.read())![0], (await next.read())![0]], [1, 2]);
  assertEquals([await late, body.replayable], [null, false]);
  const third = next.read();
  await from.give(small(3));
  assertEquals((await third)![0], 3);
});
