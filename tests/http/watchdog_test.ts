import { assert, assertEquals } from "@std/assert";
import { TICK, Watchdog } from "../../src/http/watchdog.ts";

/** Keeps the thread for so many milliseconds. */
function hog(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

Deno.test("after the process was held up, what has come meanwhile is read before deadlines are looked at", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port });
  using server = await listener.accept();
  listener.close();
  const watchdog = new Watchdog();
  const seen: string[] = [];
  const ticked = Promise.withResolvers<void>();
  const watched = {
    slot: -1,
    tick() {
      seen.push("tick");
      ticked.resolve();
    },
    stop() {},
  };
  const read = client.read(new Uint8Array(1)).then(() => seen.push("read"));
  watchdog.add(watched);
  await server.write(new Uint8Array(1));
  hog(10 * TICK);
  await Promise.all([read, ticked.promise]);
  watchdog.delete(watched);
  watchdog.close();
  assertEquals(seen[0], "read");
  assert(watched.slot === -1, "not watched any more");
});

Deno.test("a deadline is looked at every tick while nothing holds the process up", async () => {
  const watchdog = new Watchdog();
  const thrice = Promise.withResolvers<void>();
  let ticks = 0;
  const watched = { slot: -1, tick: () => void (++ticks === 3 && thrice.resolve()), stop() {} };
  watchdog.add(watched);
  await thrice.promise;
  watchdog.delete(watched);
  watchdog.close();
});
