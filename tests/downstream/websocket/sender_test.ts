import { assertEquals } from "@std/assert";
import { WebSocketSender, WRITE_TIMEOUT } from "../../../src/downstream/websocket_sender.ts";
import { Watchdog } from "../../../src/http/watchdog.ts";

/** A sender to a client that takes what it is told to. */
function slowClient() {
  const client = {
    bufferedAmount: 0,
    send: ({ length }: { length: number }) => void (client.bufferedAmount += length),
  };
  const stopping = new AbortController();
  const watchdog = new Watchdog();
  const sender = new WebSocketSender(client as unknown as WebSocket, watchdog, stopping.signal);
  return { client, stopping, watchdog, send: (text: string) => sender.send(text, text.length), sender };
}

Deno.test("a client is waited for while it holds more than a megabyte", async () => {
  const { client, send, sender } = slowClient();
  assertEquals([send("x".repeat(1024 * 1024)), send("x")], [false, true]);
  let taken = 0;
  const waited = sender.taken(() => taken++);
  client.bufferedAmount = 1_000;
  assertEquals([await waited, taken > 0], [true, true]);
});

Deno.test("small messages are not sent ahead by the thousand, but to a client that takes them", () => {
  const { client, send } = slowClient();
  for (let i = 0; i < 10_000; i++) {
    assertEquals(send("x"), false);
    client.bufferedAmount = 0;
  }
  let sent = 0;
  while (!send("x")) sent++;
  assertEquals(sent, 4096);
});

Deno.test("messages without content are held up as well, though nothing tells whether they are taken", async () => {
  const { send, sender, stopping } = slowClient();
  let sent = 0;
  while (!send("")) sent++;
  assertEquals(sent, 4096);
  let isOver = false;
  const waited = sender.taken(() => {}).then(() => isOver = true);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(isOver, false);
  stopping.abort();
  await waited;
});

Deno.test("a client that takes nothing for the time it has is given up", async () => {
  const { send, sender, watchdog } = slowClient();
  send("x".repeat(2 * 1024 * 1024));
  const waited = sender.taken(() => watchdog.now += WRITE_TIMEOUT + 1);
  assertEquals(await waited, false);
});
