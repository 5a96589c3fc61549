/** Uploads in pieces: the time-out is for the silence between two of them, however short the body is. */
import { assert, assertEquals } from "@std/assert";
import { onBothFronts } from "../support/fronts.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { statusOf } from "../support/send.ts";
import { letters } from "../support/wire.ts";
import { wireOrigin } from "../support/wire_origin.ts";

const PIECES = 12;
/** Many times the pause between two pieces, and less than all of them take. */
const SILENCE = 250;
const PAUSE = 30;

for (const length of [12, 3_000, 24_000, 60_000, 120_000]) {
  onBothFronts(
    `an upload of ${length} bytes that is slow but steady is answered, and arrives whole`,
    async (front) => {
      await using origin = wireOrigin();
      await using proxy = testProxy({
        options: { clientBodyTimeout: SILENCE },
        upstreamPeer: () => ({ address: origin.address }),
      }, { front });
      using client = await rawClient(proxy.address);
      const body = letters(length);
      await client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
      for (let i = 0; i < PIECES; i++) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
        await client.write(body.slice(i * length / PIECES, (i + 1) * length / PIECES));
      }
      assertEquals(statusOf(await client.readHead() ?? ""), 200);
      assert(origin.requests[0]!.body === body, "the body changed on its way");
      const { totalMs, bytesReceived } = await proxy.ended(1);
      assertEquals(bytesReceived, length);
      assert(totalMs > SILENCE, `it was over in ${totalMs} ms: nothing was tried`);
      // The body was read to its end, so that the connection goes on.
      await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals(statusOf(await client.readHead() ?? ""), 200);
    },
  );

  onBothFronts(
    `an upload of ${length} bytes that comes in pieces arrives whole with the default time-out`,
    async (front) => {
      await using origin = wireOrigin();
      await using proxy = testProxy(origin.address, { front });
      using client = await rawClient(proxy.address);
      const body = letters(length);
      await client.write(
        `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${body.slice(0, length / 3)}`,
      );
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      await client.write(body.slice(length / 3));
      assertEquals(statusOf(await client.readHead() ?? ""), 200);
      assert(origin.requests[0]!.body === body, "the body changed on its way");
    },
  );
}
