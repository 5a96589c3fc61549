/**
 * Finding the upstream: an IPv6 address, a name that leads nowhere.
 *
 * The name has a label of 64 letters, one more than DNS can carry: resolvers say no without asking anybody, so that
 * no packet leaves the machine. That is tried once beforehand, as a resolver that waits would hold the test up.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { captureLog } from "../support/captured_log.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, requestText, valueOf, within } from "../support/wire.ts";

const NOWHERE = `${"a".repeat(64)}.invalid`;
/** A resolver that takes longer asks somebody, in milliseconds. */
const AT_ONCE = 2_000;

function bindsIPv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

async function failsAtOnce(): Promise<boolean> {
  const lookup = Deno.connect({ hostname: NOWHERE, port: 80 }).then((conn) => conn.close());
  return await within(lookup, "a name to be looked up", AT_ONCE).then(
    () => false,
    (error) => !error.message.startsWith("Waited"),
  );
}

Deno.test({
  name: "an upstream with an IPv6 address is reached, and told the client's Host",
  // Left out where ::1 cannot be bound.
  ignore: !bindsIPv6(),
  async fn() {
    const hosts: (string | null)[] = [];
    const origin = Deno.serve({ hostname: "::1", port: 0, onListen() {} }, ({ headers }) => {
      hosts.push(headers.get("host"));
      return new Response("hello");
    });
    const address = `[::1]:${origin.addr.port}`;
    const proxy = testProxy(address);
    try {
      for (const host of ["a", address]) {
        const answer = parseMessage(
          await send(proxy.address, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
        );
        assertEquals([answer.status, answer.body], [200, "hello"]);
      }
      assertEquals(hosts, ["a", address]);
      assertEquals((await proxy.ended(2)).upstream, address);
      assertEquals([proxy.counters.connects, proxy.counters.reuses], [1, 1]);
    } finally {
      await proxy[Symbol.asyncDispose]();
      await origin.shutdown();
    }
  },
});

Deno.test({
  name: "an upstream whose name cannot be resolved is a 502, and the client is not told the name",
  // Left out where a lookup that cannot succeed takes time.
  ignore: !await failsAtOnce(),
  async fn() {
    using log = captureLog();
    const address = `${NOWHERE}:80`;
    await using proxy = testProxy(address);
    const answer = parseMessage(await send(proxy.address, requestText("GET", "/")));
    const entry = await proxy.ended(1);
    assertEquals([answer.status, answer.body], [502, `502 Bad Gateway\nrequest id: ${entry.id}\n`]);
    assertEquals([entry.status, entry.flag, entry.attempts, entry.upstream], [502, "UF", 2, address]);
    assertEquals(valueOf(answer.fields, "x-request-id"), entry.id);
    assertStringIncludes(log.lines.join("\n"), address);
    assertEquals(proxy.idleConnections, 0);
  },
});
