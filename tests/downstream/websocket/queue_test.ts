import { assert, assertEquals } from "@std/assert";
import { WebSocketQueue } from "../../../src/downstream/websocket_queue.ts";

/** A queue whose pieces are taken one by one. */
function slowQueue() {
  const pieces: Uint8Array[] = [];
  const waiting: PromiseWithResolvers<void>[] = [];
  const errors: unknown[] = [];
  let taken = 0;
  const queue = new WebSocketQueue(
    (bytes) => {
      pieces.push(bytes);
      waiting.push(Promise.withResolvers());
      return waiting.at(-1)!.promise;
    },
    () => taken++,
    (error) => errors.push(error),
  );
  const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
  return {
    queue,
    pieces,
    errors,
    get taken() {
      return taken;
    },
    async take() {
      waiting.at(-1)!.resolve();
      await turn();
    },
    async fail() {
      waiting.at(-1)!.reject(new Error("gone"));
      await turn();
    },
  };
}

Deno.test("frames that wait go together, in order", async () => {
  const { queue, pieces, take } = slowQueue();
  for (let i = 0; i < 10; i++) queue.add(Uint8Array.of(i));
  assertEquals(pieces, [Uint8Array.of(0)]);
  await take();
  assertEquals(pieces[1], Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
  assertEquals([queue.added, queue.written], [10, 1]);
  await take();
  await queue.flushed();
  assertEquals([queue.written, queue.held], [10, 0]);
});

Deno.test("a large frame shows how it gets on, and is written when all of it is", async () => {
  const slow = slowQueue();
  slow.queue.add(new Uint8Array(150_000));
  await slow.take();
  await slow.take();
  assertEquals([slow.taken, slow.queue.written], [2, 0]);
  await slow.take();
  assertEquals([slow.taken, slow.queue.written, slow.queue.held], [3, 1, 0]);
  assertEquals(slow.pieces.map(({ length }) => length), [65_536, 65_536, 18_928]);
});

Deno.test("frames without content count for what they take", () => {
  const { queue } = slowQueue();
  for (let i = 0; i < 1_000; i++) queue.add(new Uint8Array(0));
  assert(queue.held > 100_000, `${queue.held} bytes`);
});

Deno.test("a write that fails is told once, and nothing is written behind it", async () => {
  const { queue, pieces, errors, fail } = slowQueue();
  queue.add(Uint8Array.of(1));
  queue.add(Uint8Array.of(2));
  await fail();
  queue.add(Uint8Array.of(3));
  await queue.flushed();
  assertEquals([pieces.length, errors.length], [1, 1]);
});
