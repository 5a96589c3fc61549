/**
 * How long a client's connection is kept. `Deno.serve` decides it, by the client's wish alone: what an upstream or a
 * hook says in Connection is about another connection, and never closes this one. It says `close` when it will.
 */
import { assertEquals } from "@std/assert";
import { onBothFronts } from "../support/fronts.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { valuesOf } from "../support/send.ts";
import { responseText, within } from "../support/wire.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const KEPT: [who: string, lines: string, status: number][] = [
  ["an upstream that keeps its own", "", 200],
  ["an upstream that closes its own", "Connection: close\r\n", 200],
  ["a failed request", "", 502],
];

for (const [who, lines, status] of KEPT) {
  onBothFronts(
    `a client's connection is kept until the client asks to close it: behind ${who}`,
    async (front) => {
      await using origin = wireOrigin(() => status === 502 ? "nonsense\r\n\r\n" : responseText("", lines));
      await using proxy = testProxy(origin.address, { front });
      using client = await rawClient(proxy.address);
      for (const wish of ["", "", "Connection: keep-alive\r\n", "Connection: close\r\n"]) {
        await client.write(`HEAD / HTTP/1.1\r\nHost: a\r\n${wish}\r\n`);
        const head = await within(client.readHead(), "the answer") ?? "";
        assertEquals(head.slice(9, 12), String(status));
        assertEquals(valuesOf(head, "connection"), wish.includes("close") ? ["close"] : []);
      }
      await within(client.closed(), "the end of the connection");
      assertEquals((await proxy.ended(4)).status, status);
    },
  );
}
