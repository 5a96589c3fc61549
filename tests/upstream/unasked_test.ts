import { assertEquals } from "@std/assert";
import { type Origin, rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { until } from "../support/until.ts";
import { parseMessage, postText, requestText, responseText } from "../support/wire.ts";

const POISON = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 6\r\n\r\npoison";

/** Answers with the connection's number; on the first connection it does `then` when told to. */
function talkingOrigin(then: "talk" | "close"): { origin: Origin; tell: () => void; told: Promise<void> } {
  const asked = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const origin = rawOrigin(async (connection) => {
    while (await connection.readUntil("\r\n\r\n", connection.received.length)) {
      await connection.write(responseText(String(connection.number)));
      if (connection.number > 1) continue;
      await asked.promise;
      if (then === "talk") await connection.write(POISON);
      else await connection.closeWrite();
      done.resolve();
    }
  });
  return { origin, tell: asked.resolve, told: done.promise };
}

const bodyOf = (text: string) => parseMessage(text).body;

for (const then of ["talk", "close"] as const) {
  Deno.test(`an idle connection on which the upstream begins to ${then} is given up`, async () => {
    const { origin, tell } = talkingOrigin(then);
    await using _ = origin;
    await using proxy = testProxy(origin.address);
    assertEquals(bodyOf(await send(proxy.address, requestText("GET", "/"))), "1");
    assertEquals(proxy.idleConnections, 1);
    tell();
    await until("the connection is given up", () => proxy.idleConnections === 0);
    assertEquals(bodyOf(await send(proxy.address, requestText("GET", "/"))), "2");
  });

  for (const [method, request] of [["GET", requestText("GET", "/")], ["POST", postText("x")]] as const) {
    Deno.test(`a ${method} whose hook is slow is sent on another connection when the upstream begins to ${then}, without a retry`, async () => {
      const { origin, tell, told } = talkingOrigin(then);
      await using _ = origin;
      let slow = false;
      await using proxy = testProxy({
        upstreamPeer: () => ({ address: origin.address }),
        options: { retries: 0 },
        async upstreamRequestFilter() {
          if (!slow) return;
          slow = false;
          tell();
          await told;
          // Nothing tells when it arrived; this is long enough on loopback.
          await new Promise((resolve) => setTimeout(resolve, 50));
        },
      });
      assertEquals(bodyOf(await send(proxy.address, requestText("GET", "/"))), "1");
      slow = true;
      const message = parseMessage(await send(proxy.address, request));
      assertEquals([message.status, message.body], [200, "2"]);
      assertEquals([(await proxy.ended(2)).attempts, proxy.counters.retries], [1, 0]);
    });
  }
}
