/** WebSockets end to end: the runtime's own at both ends, or bytes at the client's where those say what the runtime cannot. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { httpOrigin, type Origin, rawOrigin } from "../../support/origin.ts";
import { testProxy } from "../../support/proxy.ts";
import { valuesOf } from "../../support/send.ts";
import { openTunnel, switchText, upgradeText } from "../../support/tunnel.ts";
import { letters, within } from "../../support/wire.ts";

/** The origin's end of every WebSocket, as soon as it is open. */
function webSocketOrigin(talk: (socket: WebSocket, request: Request) => void): Origin {
  return httpOrigin((request) => {
    const protocol = request.headers.get("sec-websocket-protocol")?.split(/, */).at(-1);
    const { socket, response } = Deno.upgradeWebSocket(request, protocol ? { protocol } : {});
    socket.binaryType = "arraybuffer";
    socket.onopen = () => talk(socket, request);
    return response;
  });
}

function echoing(socket: WebSocket): void {
  socket.onmessage = ({ data }) => socket.send(data);
}

/** A client's open WebSocket, and what it tells. */
async function open(address: string, protocols: string[] = []) {
  const socket = new WebSocket(`ws://${address}/chat?room=1`, protocols);
  socket.binaryType = "arraybuffer";
  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  await within(new Promise((resolve) => socket.onopen = resolve), "the opening");
  const next = () => new Promise((resolve) => socket.onmessage = ({ data }) => resolve(data));
  return {
    socket,
    closed: () => within(closed, "the closing"),
    async back(message: string | Uint8Array<ArrayBuffer>) {
      const answer = next();
      socket.send(message);
      return await within(answer, "the message back");
    },
  };
}

Deno.test("text, binary and a message of 1 MB come back through a WebSocket", async () => {
  await using origin = webSocketOrigin(echoing);
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const { socket, back, closed } = await open(proxy.address);
  assertEquals(await back("héllo \u{1F600}"), "héllo \u{1F600}");
  assertEquals(await back(""), "");
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i & 255);
  assertEquals(new Uint8Array(await back(bytes) as ArrayBuffer), bytes);
  const long = letters(1024 * 1024);
  assertEquals(await back(long) === long, true);
  socket.close();
  await closed();
  const { status, flag, target, bytesReceived } = await within(proxy.ended(1), "the tunnel's end");
  assertEquals([status, flag, target, bytesReceived > long.length], [101, "-", "/chat?room=1", true]);
});

Deno.test("messages that the origin sends on its own come in order", async () => {
  await using origin = webSocketOrigin((socket) => {
    for (let i = 0; i < 1000; i++) socket.send(String(i));
    socket.close(1000, "that was all");
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const socket = new WebSocket(`ws://${proxy.address}`);
  const got: string[] = [];
  socket.onmessage = ({ data }) => got.push(data);
  const end = await within(new Promise<CloseEvent>((resolve) => socket.onclose = resolve), "the closing");
  assertEquals(got, Array.from({ length: 1000 }, (_, i) => String(i)));
  assertEquals([end.code, end.reason, end.wasClean], [1000, "that was all", true]);
});

Deno.test("a client's close code and reason reach the origin, and the other way round", async () => {
  let told = Promise.withResolvers<CloseEvent>();
  await using origin = webSocketOrigin((socket) => {
    socket.onclose = told.resolve;
    socket.onmessage = () => socket.close(4001, "the origin's");
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const first = await open(proxy.address);
  first.socket.close(4002, "the client's");
  const there = await within(told.promise, "the closing at the origin");
  assertEquals([there.code, there.reason], [4002, "the client's"]);
  assertEquals((await first.closed()).code, 4002);

  told = Promise.withResolvers();
  const second = await open(proxy.address);
  second.socket.send("close it");
  const here = await second.closed();
  assertEquals([here.code, here.reason, here.wasClean], [4001, "the origin's", true]);
  await within(told.promise, "the closing at the origin");
  await within(proxy.ended(2), "the tunnels' ends");
  assertEquals(proxy.entries.map(({ status, flag }) => `${status} ${flag}`), ["101 -", "101 -"]);
});

Deno.test("the sub-protocol that the origin chooses is the client's", async () => {
  await using origin = webSocketOrigin(echoing);
  await using proxy = testProxy(origin.address, { front: "tcp" });
  const { socket, closed } = await open(proxy.address, ["soap", "wamp"]);
  assertEquals(socket.protocol, "wamp");
  socket.close();
  await closed();
});

/** A client's frame: always masked, here with zeros, which leave it readable. */
function frame(opcode: number, payload: string, isLast = true): string {
  return String.fromCharCode(opcode | (isLast ? 128 : 0), 128 | payload.length, 0, 0, 0, 0) + payload;
}

const KEY = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

Deno.test("a raw client's handshake is the origin's own; its ping comes back as a pong, its fragments as a message", async () => {
  await using origin = webSocketOrigin(echoing);
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await openTunnel(proxy.address, upgradeText("websocket", KEY) + frame(9, "early"));
  assertEquals(valuesOf(client.received, "sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
  await within(client.readUntil("\x8a\x05early"), "the pong");
  await client.write(frame(1, "one ", false) + frame(9, "between") + frame(0, "two", true));
  await within(client.readUntil("\x81\x07one two"), "the message");
  assertStringIncludes(client.received, "\x8a\x07between");
  await client.write(frame(8, "\x03\xe8"));
  await within(client.closed(), "the closing");
  assertEquals(client.received.slice(-4), "\x88\x02\x03\xe8");
});

Deno.test("extensions are between client and origin", async () => {
  const offer = "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame";
  const answer = "permessage-deflate; server_no_context_takeover";
  let head = "";
  await using origin = rawOrigin(async (connection) => {
    head = await connection.readHead() ?? "";
    // What its compressed frame holds is for nobody to look at in between.
    await connection.write(
      switchText("websocket", `Sec-WebSocket-Extensions: ${answer}\r\n`) +
        "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
    );
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await openTunnel(
    proxy.address,
    upgradeText("websocket", `${KEY}Sec-WebSocket-Extensions: ${offer}\r\n`),
  );
  await within(client.readUntil("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"), "the frame");
  assertEquals(valuesOf(head, "sec-websocket-extensions"), [offer]);
  assertEquals(valuesOf(client.received, "sec-websocket-extensions"), [answer]);
});
