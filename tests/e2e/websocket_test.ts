/**
 * The bridge of WebSockets where it takes files or processes: Unix sockets, TLS from clients, hooks in a worker, a whole program.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { startProxy } from "../../src/mod.ts";
import { RawConnection } from "../support/origin.ts";
import { e2e, ready, simple, tempFolder } from "../support/process.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { sandboxed } from "../support/sandbox.ts";
import { statusOf, valuesOf } from "../support/send.ts";
import { tlsClient, tlsProxy } from "../support/tls_proxy.ts";
import {
  acceptText,
  Client,
  closing,
  echoFrames,
  framesOf,
  maskedFrame,
  webSocketOrigin,
  webSocketText,
} from "../support/websocket.ts";
import { within } from "../support/wire.ts";

/** Has a WebSocket opened by bytes, one message sent there and back, and the WebSocket closed. */
async function converse(client: RawConnection): Promise<void> {
  await client.write(webSocketText() + maskedFrame(1, "there and back"));
  assertEquals(statusOf((await within(client.readHead(), "the answer"))!), 101);
  const next = framesOf(client);
  assertEquals((await within(next(), "the echo"))!.payload, "there and back");
  await client.write(maskedFrame(8, closing(1000)));
  assertEquals((await within(next(), "the closing"))!.payload, closing(1000));
  client.close();
}

e2e("a WebSocket goes from Unix socket to Unix socket through Deno.serve", async () => {
  using folder = tempFolder();
  const [near, far] = [`${folder.path}/near`, `${folder.path}/far`];
  using listener = Deno.listen({ transport: "unix", path: far });
  const serving = (async () => {
    const connection = new RawConnection(await listener.accept(), 1);
    await connection.write(acceptText(await connection.readHead() ?? ""));
    await echoFrames(connection, framesOf(connection));
    connection.close();
  })();
  const ended = Promise.withResolvers<string>();
  const running = startProxy({ upstreamPeer: () => ({ address: `unix:${far}` }) }, {
    listen: `unix:${near}`,
    onEnd: ({ status, flag }) => ended.resolve(`${status} ${flag}`),
  });
  await converse(new RawConnection(await Deno.connect({ transport: "unix", path: near }), 0));
  assertEquals(await within(ended.promise, "the end"), "101 -");
  await serving;
  await running.stop(0);
});

for (const [name, listener] of [["", {}], [" behind a relay", { relayPorts: [0] }]] as const) {
  e2e(`a WebSocket by TLS goes through Deno.serve${name}`, async () => {
    await using origin = webSocketOrigin(echoFrames);
    await using proxy = tlsProxy(origin.address, { front: "serve", ...listener });
    await converse(await tlsClient(proxy.port, { alpn: ["http/1.1"] }));
  });
}

e2e(
  "hooks in a worker see a WebSocket on Deno.serve, and refuse it before or behind the upstream",
  async () => {
    await using origin = webSocketOrigin(echoFrames);
    await using proxy = testProxy(await sandboxed("upgrades.ts", origin.address));
    for (const [target, status] of [["/refused", 403], ["/taken_back", 503], ["/chat", 101]] as const) {
      using client = await rawClient(proxy.address);
      await client.write(webSocketText().replace("/chat", target));
      const head = await within(client.readHead(), "the answer") ?? "";
      assertEquals(statusOf(head), status);
      if (status === 101) assertEquals(valuesOf(head, "x-seen"), ["websocket 101"]);
      client.close();
    }
    await within(proxy.ended(3), "the ends");
    assertEquals(proxy.entries.map(({ status }) => status), [403, 503, 101]);
  },
);

e2e("a SIGTERM closes WebSockets on Deno.serve with 1001, and the process ends", async () => {
  await using origin = webSocketOrigin(echoFrames);
  await using proxy = simple(origin.address);
  using client = new Client((await ready(proxy)).replace("http://", ""));
  await within(client.open, "the WebSocket to open");
  client.socket.send("hello");
  assertEquals(await within(client.next(), "the echo"), "hello");
  proxy.kill("SIGTERM");
  assertEquals((await within(client.closed, "the end")).code, 1001);
  assertEquals(await proxy.exit(), 0);
  await proxy.out.find(/" 101 \d+ - /);
});
