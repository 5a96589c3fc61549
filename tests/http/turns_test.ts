/** Turns: who moves much waits for the bell, or, without one, for the others. */
import { assert, assertEquals } from "@std/assert";
import { type Bell, dropBell, moving, onBellWanted, useBell } from "../../src/http/turns.ts";

const PIECE = 64 * 1024;

/** A bell that the test rings. */
class HandBell implements Bell, Disposable {
  readonly #rings: PromiseWithResolvers<void>[] = [];

  constructor() {
    useBell(this);
  }

  /** How often it was rung. */
  get count(): number {
    return this.#rings.length;
  }

  ring(): Promise<void> {
    const ring = Promise.withResolvers<void>();
    this.#rings.push(ring);
    return ring.promise;
  }

  /** Ends the last ringing. */
  async end(error?: Error): Promise<void> {
    if (error) this.#rings.at(-1)!.reject(error);
    else this.#rings.at(-1)!.resolve();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  [Symbol.dispose](): void {
    dropBell(this);
  }
}

/** Moves pieces until there is something to wait for; how many went before, and what. */
function moveOn(): [pieces: number, pause: Promise<void>] {
  for (let pieces = 0;; pieces++) {
    const pause = moving(PIECE);
    if (pause !== undefined) return [pieces, pause];
    assert(pieces < 1_000, "nothing ever waits");
  }
}

Deno.test("with a bell, all transfers together move their share, and then wait for the same ring", async () => {
  using bell = new HandBell();
  let pause = moveOn()[1];
  await bell.end();
  await pause;
  for (let round = 2; round < 5; round++) {
    const [pieces, next] = moveOn();
    pause = next;
    assertEquals(pieces, 7);
    assert(moving(1) === pause, "another one waits for something else");
    assertEquals(bell.count, round);
    await bell.end();
    await pause;
  }
});

Deno.test("a bell whose ring fails lets them go on, and is not rung again", async () => {
  using bell = new HandBell();
  const [, pause] = moveOn();
  await bell.end(new Error("broken"));
  await pause;
  await moveOn()[1];
  assertEquals(bell.count, 1);
});

Deno.test("without a bell, those who wait go on one after the other, in their order", async () => {
  const order: string[] = [];
  const transfer = async (name: string) => {
    for (let i = 0; i < 3; i++) {
      await moving(PIECE);
      order.push(name);
    }
  };
  await Promise.all(["a", "b", "c"].map(transfer));
  assertEquals(order.join(""), "abcabcabc");
});

Deno.test("who could make a bell is asked once, one at a time, and not when it was withdrawn or there is one", async () => {
  const asked: string[] = [];
  const withdraw = ["a", "b", "c"].map((name) => onBellWanted(() => asked.push(name)));
  withdraw[1]!();
  await moveOn()[1];
  assertEquals(asked, ["a"]);
  {
    using bell = new HandBell();
    const [, pause] = moveOn();
    await bell.end();
    await pause;
    assertEquals(asked, ["a"]);
  }
  for (let i = 0; i < 3; i++) await moveOn()[1];
  assertEquals(asked, ["a", "c"]);
});

Deno.test("a bell that is dropped is not rung, and dropping another than the one in use changes nothing", async () => {
  using first = new HandBell();
  using second = new HandBell();
  dropBell(first);
  const [, pause] = moveOn();
  assertEquals([first.count, second.count], [0, 1]);
  await second.end();
  await pause;
  dropBell(second);
  await moveOn()[1];
  assertEquals([first.count, second.count], [0, 1]);
});
