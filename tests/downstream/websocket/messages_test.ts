import { assert, assertEquals } from "@std/assert";
import { onBothFronts } from "../../support/fronts.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import {
  acceptOf,
  acceptText,
  Client,
  closing,
  echoFrames,
  framesOf,
  KEY,
  maskedFrame,
  serverFrame,
  webSocketOrigin,
  webSocketText,
} from "../../support/websocket.ts";
import { rawOrigin } from "../../support/origin.ts";
import { parseMessage, valueOf, within } from "../../support/wire.ts";

onBothFronts("texts and bytes of every size come back as they were", async (front) => {
  await using origin = webSocketOrigin(echoFrames);
  await using proxy = testProxy(origin.address, { front });
  using client = new Client(proxy.address);
  await within(client.open, "the WebSocket to open");
  for (const length of [0, 1, 125, 126, 65535, 65536, 1_000_000]) {
    client.socket.send("a".repeat(length));
    assertEquals(await within(client.next(), `a text of ${length}`), "a".repeat(length));
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
    client.socket.send(bytes);
    const back = await within(client.next(), `${length} bytes`);
    assert(back instanceof ArrayBuffer);
    assertEquals(new Uint8Array(back), bytes);
  }
  client.socket.send("ä🌍");
  assertEquals(await client.next(), "ä🌍");
  client.socket.close(4000, "done");
  assertEquals(await within(client.closed, "the end"), { code: 4000, reason: "done" });
  const { status, flag, bytesReceived } = await proxy.ended(1);
  assertEquals([status, flag], [101, "-"]);
  assert(bytesReceived > 1_000_000, "bytes are counted");
});

onBothFronts("fragments of either side make one message, with control frames between them", async (front) => {
  const got = Promise.withResolvers<string>();
  await using origin = webSocketOrigin(async (connection, next) => {
    await connection.write(serverFrame(1, "Hel", false) + serverFrame(9, "p") + serverFrame(0, "lo", true));
    let text = "";
    for (let frame; (frame = await next()) !== null;) {
      if (frame.opcode > 2) continue;
      text += frame.payload;
      if (frame.isFinal) break;
    }
    got.resolve(text);
    await next();
  });
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(webSocketText());
  await client.readHead();
  await client.write(maskedFrame(1, "Wor", false) + maskedFrame(9, "q") + maskedFrame(0, "ld", true));
  const next = framesOf(client);
  let text = "";
  while (text !== "Hello") {
    const frame = await within(next(), "a frame");
    if (frame!.opcode <= 2) text += frame!.payload;
  }
  assertEquals(await within(got.promise, "the message at the upstream"), "World");
});

onBothFronts("a ping of either side is answered with its content", async (front) => {
  const pong = Promise.withResolvers<string>();
  await using origin = webSocketOrigin(async (connection, next) => {
    await connection.write(serverFrame(9, "from upstream"));
    for (let frame; (frame = await next()) !== null;) {
      if (frame.opcode === 10) pong.resolve(frame.payload);
      if (frame.opcode === 9) await connection.write(serverFrame(10, frame.payload));
    }
  });
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(webSocketText() + maskedFrame(9, "from client"));
  await client.readHead();
  const next = framesOf(client);
  for (let answered = false; !answered;) {
    const frame = await within(next(), "a frame");
    if (frame!.opcode === 9) await client.write(maskedFrame(10, frame!.payload));
    answered = frame!.opcode === 10 && frame!.payload === "from client";
  }
  assertEquals(await within(pong.promise, "the upstream's pong"), "from upstream");
});

for (
  const [code, reason] of [[1000, ""], [1001, "going"], [1011, "trouble"], [3000, "own"], [
    4999,
    "ü",
  ]] as const
) {
  onBothFronts(`an upstream's close ${code} reaches the client, and the other way round`, async (front) => {
    const told = Promise.withResolvers<string>();
    await using origin = webSocketOrigin(async (connection, next) => {
      const frame = await next();
      if (frame?.payload === "close") {
        const text = String.fromCharCode(...new TextEncoder().encode(reason));
        await connection.write(serverFrame(8, closing(code, text)));
        await next();
      } else if (frame?.opcode === 8) {
        told.resolve(frame.payload);
        await connection.write(serverFrame(8, frame.payload));
      }
    });
    await using proxy = testProxy(origin.address, { front });
    {
      using client = new Client(proxy.address);
      await within(client.open, "the WebSocket to open");
      client.socket.send("close");
      assertEquals(await within(client.closed, "the end"), { code, reason });
    }
    using client = await rawClient(proxy.address);
    await client.write(webSocketText() + maskedFrame(8, closing(code, "why")));
    assertEquals(await within(told.promise, "the upstream to be told"), closing(code, "why"));
    await within(client.closed(), "the end");
    client.close();
    assertEquals((await proxy.ended(2)).flag, "-");
  });
}

onBothFronts("the upstream chooses the sub-protocol, and its other fields come along", async (front) => {
  await using origin = webSocketOrigin(
    echoFrames,
    "Sec-WebSocket-Protocol: b\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Own: yes\r\n",
  );
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(webSocketText("Sec-WebSocket-Protocol: a, b\r\n", "WebSocket"));
  const { status, fields } = parseMessage((await within(client.readHead(), "the answer"))!);
  assertEquals(status, 101);
  const names = ["sec-websocket-protocol", "sec-websocket-accept", "x-own", "sec-websocket-extensions"];
  assertEquals(names.map((name) => valueOf(fields, name)), ["b", acceptOf(KEY), "yes", null]);
  assertEquals(fields.filter(([name]) => name === "set-cookie").map(([, value]) => value), ["a=1", "b=2"]);
});

onBothFronts(
  "a refusal comes with its status, fields and body, and the connection goes on",
  async (front) => {
    await using origin = rawOrigin(async (connection) => {
      while (await connection.readHead() !== null) {
        await connection.write(
          "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nWho?",
        );
      }
    });
    await using proxy = testProxy(origin.address, { front });
    using client = await rawClient(proxy.address);
    for (let i = 0; i < 2; i++) {
      client.received = "";
      await client.write(webSocketText());
      await within(client.readUntil("Who?"), "the answer");
      const { status, fields } = parseMessage(client.received);
      assertEquals([status, valueOf(fields, "www-authenticate")], [401, "Basic"]);
    }
    assertEquals(origin.connections, 1);
  },
);

for (
  const { name, lines, wrong } of [
    {
      name: "an Accept that is not of the key",
      lines: "",
      wrong: (head: string) => head.replace(/Accept: ./, "Accept: !"),
    },
    {
      name: "a sub-protocol that was not offered",
      lines: "Sec-WebSocket-Protocol: c\r\n",
      wrong: (head: string) => head,
    },
    {
      name: "an extension",
      lines: "Sec-WebSocket-Extensions: permessage-deflate\r\n",
      wrong: (head: string) => head,
    },
  ]
) {
  Deno.test(`on Deno.serve an upstream that accepts with ${name} is a 502`, async () => {
    await using origin = rawOrigin(async (connection) => {
      const head = await connection.readHead();
      if (head === null) return;
      await connection.write(wrong(acceptText(head, lines)));
      await connection.closed();
    });
    await using proxy = testProxy(origin.address);
    using client = await rawClient(proxy.address);
    await client.write(webSocketText("Sec-WebSocket-Protocol: a\r\n"));
    assertEquals(parseMessage((await within(client.readHead(), "the answer"))!).status, 502);
    assertEquals((await proxy.ended(1)).flag, "UPE");
  });
}

onBothFronts("hooks see what is asked for, and can refuse, or edit both heads", async (front) => {
  let seen = "";
  await using origin = webSocketOrigin((_connection, _next, head) => {
    seen = /^x-added: (.+)\r$/im.exec(head)?.[1] ?? "";
    return Promise.resolve();
  });
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    requestFilter: ({ upgrade, request }) =>
      upgrade === "websocket" && request.headers.has("x-bad")
        ? new Response("no", { status: 403 })
        : undefined,
    upstreamRequestFilter: (_, { headers }) => headers.set("x-added", "yes"),
    responseFilter: (_, { headers }) => headers.set("x-answer", "too"),
  }, { front });
  for (const [lines, expected] of [["X-Bad: 1\r\n", [403, null]], ["", [101, "too"]]] as const) {
    using client = await rawClient(proxy.address);
    await client.write(webSocketText(lines));
    const { status, fields } = parseMessage((await within(client.readHead(), "the answer"))!);
    assertEquals([status, valueOf(fields, "x-answer")], [...expected]);
    client.close();
  }
  await proxy.ended(2);
  assertEquals(seen, "yes");
});

onBothFronts("hooks can give a sub-protocol another name on either side", async (front) => {
  await using origin = webSocketOrigin(echoFrames, "Sec-WebSocket-Protocol: inner\r\n");
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    upstreamRequestFilter: (_, { headers }) => headers.set("sec-websocket-protocol", "inner"),
    responseFilter: (_, { headers }) => headers.set("sec-websocket-protocol", "outer"),
  }, { front });
  using client = new Client(proxy.address, ["outer"]);
  await within(client.open, "the WebSocket to open");
  assertEquals(client.socket.protocol, "outer");
  client.socket.close();
  await within(client.closed, "the end");
  await proxy.ended(1);
});

Deno.test("on Deno.serve extensions are not offered, as the runtime speaks none", async () => {
  let head = "";
  await using origin = webSocketOrigin((_connection, _next, given) => {
    head = given;
    return Promise.resolve();
  });
  await using proxy = testProxy(origin.address);
  using client = await rawClient(proxy.address);
  await client.write(webSocketText("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
  await within(client.readHead(), "the answer");
  assert(!/extensions/i.test(head), head);
  assert(/^upgrade: websocket\r$/im.test(head), head);
  client.close();
  await proxy.ended(1);
});

for (const lines of ["Sec-WebSocket-Version: 8\r\n", "Sec-WebSocket-Key: short\r\n"]) {
  Deno.test(`on Deno.serve ${lines.trim()} asks for nothing: the upstream is not asked to switch`, async () => {
    let head = "";
    await using origin = rawOrigin(async (connection) => {
      head = await connection.readHead() ?? "";
      await connection.write("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
      await connection.closed();
    });
    await using proxy = testProxy(origin.address);
    using client = await rawClient(proxy.address);
    const name = lines.split(":")[0]!;
    await client.write(webSocketText().replace(new RegExp(`^${name}: .+\\r\\n`, "m"), lines));
    assertEquals(parseMessage((await within(client.readHead(), "the answer"))!).status, 426);
    assert(!/^upgrade:/im.test(head), head);
  });
}
