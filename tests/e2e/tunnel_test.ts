/**
 * Tunnels that need files or processes: Unix sockets on both sides, and a whole program in front of a WebSocket.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { startProxy } from "../../src/mod.ts";
import { httpOrigin, RawConnection } from "../support/origin.ts";
import { e2e, ready, simple, tempFolder } from "../support/process.ts";
import { echo, restOf, switchText, upgradeText } from "../support/tunnel.ts";
import { within } from "../support/wire.ts";

e2e("a tunnel goes from Unix socket to Unix socket", async () => {
  using folder = tempFolder();
  const [near, far] = [`${folder.path}/near`, `${folder.path}/far`];
  using listener = Deno.listen({ transport: "unix", path: far });
  const serving = (async () => {
    const connection = new RawConnection(await listener.accept(), 1);
    await connection.readHead();
    await connection.write(switchText());
    await echo(connection);
    connection.close();
  })();
  const ended = Promise.withResolvers<string>();
  const running = startProxy({ upstreamPeer: () => ({ address: `unix:${far}` }) }, {
    listen: `unix:${near}`,
    listener: { front: "tcp" },
    onEnd: ({ status, flag, bytesReceived, bytesSent }) =>
      ended.resolve(`${status} ${flag} ${bytesReceived} ${bytesSent}`),
  });
  const client = new RawConnection(await Deno.connect({ transport: "unix", path: near }), 0);
  await client.write(upgradeText() + "there and back");
  await client.closeWrite();
  assertEquals(await restOf(client), "there and back");
  client.close();
  assertEquals(await within(ended.promise, "the tunnel's end"), "101 - 14 14");
  await serving;
  await running.stop(0);
});

e2e(
  "run --front tcp takes a WebSocket through to the upstream, and a SIGTERM waits for its end",
  async () => {
    await using origin = httpOrigin((request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(`echo: ${data}`);
      return response;
    });
    await using proxy = simple(origin.address, ["--front", "tcp"]);
    const socket = new WebSocket((await ready(proxy)).replace("http", "ws"));
    const closed = new Promise((resolve) => socket.onclose = resolve);
    const back = async (text: string) => {
      const message = new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
      socket.send(text);
      return await within(message, "the message");
    };
    await within(new Promise((resolve) => socket.onopen = resolve), "the opening");
    assertEquals(await back("hello"), "echo: hello");
    proxy.kill("SIGTERM");
    await proxy.err.find(/SIGTERM/);
    assertEquals(await back("still there?"), "echo: still there?");
    socket.close();
    await within(closed, "the end");
    assertEquals(await proxy.exit(), 0);
    await proxy.out.find(/" 101 \d+ - /);
  },
);
