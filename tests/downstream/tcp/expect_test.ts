/**
 * `Expect: 100-continue`, end to end: the upstream's word decides, and the body stays with the client until it comes.
 */
import { assertEquals } from "@std/assert";
import type { Peer } from "../../../src/mod.ts";
import { type Origin, type RawConnection, rawOrigin } from "../../support/origin.ts";
import { rawClient, testProxy } from "../../support/proxy.ts";
import { send, statusOf, valuesOf } from "../../support/send.ts";
import { parseMessage, responseText, within } from "../../support/wire.ts";
import { wireOrigin } from "../../support/wire_origin.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const LENGTH = "Host: a\r\nContent-Length: 4\r\n";
const POST = `POST / HTTP/1.1\r\n${LENGTH}Expect: 100-continue\r\n\r\n`;

/** An origin that says `first` to a head, and answers when the body is there. Its second promise is what it received. */
function askingOrigin(first: string): { origin: Origin; head: Promise<string>; received: Promise<string> } {
  const head = Promise.withResolvers<string>();
  const received = Promise.withResolvers<string>();
  const origin = rawOrigin(async (connection) => {
    head.resolve(await connection.readHead() ?? "");
    if (first !== "") await connection.write(first);
    if (await connection.readUntil("body")) await connection.write(responseText("done"));
    await connection.closed();
    received.resolve(connection.received);
  });
  return { origin, head: head.promise, received: received.promise };
}

for (
  const [framing, lines, body] of [
    ["a length", "Content-Length: 4\r\n", "body"],
    ["chunks", "Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"],
  ]
) {
  Deno.test(`the upstream's 100 is the client's, and the body follows it: ${framing}`, async () => {
    const released = Promise.withResolvers<void>();
    const seen: string[] = [];
    await using origin = rawOrigin(async (connection) => {
      seen.push(await connection.readHead() ?? "");
      await released.promise;
      seen.push(connection.received.slice(seen[0]!.length));
      await connection.write(CONTINUE);
      await connection.readUntil("body");
      await connection.write(responseText("done"));
      await connection.closed();
    });
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${lines}eXPECT: 100-Continue\r\n\r\n`);
    while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals([valuesOf(seen[0]!, "expect"), client.received], [["100-continue"], ""]);
    released.resolve();
    assertEquals(await within(client.readHead(), "the 100"), CONTINUE);
    assertEquals(seen[1], "", "nothing of the body had come");
    await client.write(body!);
    await within(client.readUntil("done"), "the answer");
    // The connection goes on.
    await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals((await proxy.ended(1)).bytesReceived, 4);
  });
}

for (const status of ["417 Expectation Failed", "403 Forbidden", "200 OK"]) {
  Deno.test(`an upstream that answers ${status} at once: the body is never asked for, the connection closes`, async () => {
    const { origin, received } = askingOrigin(responseText("final", "", status));
    await using _ = origin;
    await using proxy = testProxy(origin.address, { front: "tcp" });
    using client = await rawClient(proxy.address);
    await client.write(POST);
    await within(client.readUntil("final"), "the answer");
    const answer = parseMessage(client.received);
    assertEquals([answer.status, answer.body], [Number(status.slice(0, 3)), "final"]);
    assertEquals(valuesOf(client.received, "connection"), ["close"]);
    await within(client.closed(), "the end of the connection");
    assertEquals((await within(received, "the upstream's end")).includes("body"), false);
    assertEquals(proxy.idleConnections, 0);
  });
}

Deno.test("an upstream that says nothing: the client need not wait for its 100 for ever", async () => {
  const { origin, head } = askingOrigin("");
  await using _ = origin;
  // The time-out for silent clients does not run while the client is right to be silent.
  await using proxy = testProxy({
    options: { clientBodyTimeout: 100 },
    upstreamPeer: () => ({ address: origin.address }),
  }, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(POST);
  await head;
  await new Promise((resolve) => setTimeout(resolve, 400));
  assertEquals([client.received, proxy.entries.length], ["", 0]);
  await client.write("body");
  await within(client.readUntil("done"), "the answer");
  assertEquals(statusOf(client.received), 200);
});

Deno.test("an upstream that says nothing: what the client sends without its 100 has all the time that uploads have", async () => {
  await using origin = rawOrigin(async (connection) => {
    await connection.readUntil("123");
    await connection.write(responseText("done"));
    await connection.closed();
  });
  const peer: Peer = { address: origin.address, timeouts: { firstByte: 200 } };
  await using proxy = testProxy({ upstreamPeer: () => peer }, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  for (const piece of "123") {
    await client.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  assertEquals(statusOf(await within(client.readHead(), "the answer") ?? ""), 200);
});

Deno.test("behind the 100, a client that stays silent is timed out, and its connection closed", async () => {
  const { origin } = askingOrigin(CONTINUE);
  await using _ = origin;
  await using proxy = testProxy({
    options: { clientBodyTimeout: 100 },
    upstreamPeer: () => ({ address: origin.address }),
  }, { front: "tcp" });
  const answers = await send(proxy.address, POST);
  assertEquals(answers.slice(0, CONTINUE.length), CONTINUE);
  const answer = answers.slice(CONTINUE.length);
  assertEquals([statusOf(answer), valuesOf(answer, "connection")], [408, ["close"]]);
});

Deno.test("a client that sends its body without waiting is answered, and keeps its connection", async () => {
  const { origin } = askingOrigin(CONTINUE);
  await using _ = origin;
  await using proxy = testProxy(origin.address, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(`${POST}body`);
  await within(client.readUntil("done"), "the answer");
  const answer = client.received.replace(CONTINUE, "");
  assertEquals([parseMessage(answer).body, valuesOf(answer, "connection")], ["done", []]);
});

Deno.test("a hook that answers: no 100, no upstream, and the connection closes", async () => {
  const { origin } = askingOrigin(CONTINUE);
  await using _ = origin;
  await using proxy = testProxy({
    requestFilter: () => new Response("no", { status: 401 }),
    upstreamPeer: () => ({ address: origin.address }),
  }, { front: "tcp" });
  const answer = await send(proxy.address, POST);
  assertEquals([statusOf(answer), valuesOf(answer, "connection")], [401, ["close"]]);
  assertEquals(origin.connections, 0);
});

Deno.test("a body that is too large is refused before it is sent", async () => {
  const { origin } = askingOrigin(CONTINUE);
  await using _ = origin;
  await using proxy = testProxy({
    options: { maxRequestBody: 3 },
    upstreamPeer: () => ({ address: origin.address }),
  }, { front: "tcp" });
  const answer = await send(proxy.address, POST);
  assertEquals([statusOf(answer), valuesOf(answer, "connection"), origin.connections], [413, ["close"], 0]);
});

Deno.test("an upstream that dies behind its 100: the next one gets the body, the client no second 100", async () => {
  const bodies: string[] = [];
  const handle = (dies: boolean) => async (connection: RawConnection) => {
    await connection.readHead();
    await connection.write(CONTINUE);
    if (!await connection.readUntil("body")) return;
    bodies.push(connection.received.split("\r\n\r\n")[1]!);
    if (!dies) await connection.write(responseText("done"));
  };
  await using first = rawOrigin(handle(true));
  await using second = rawOrigin(handle(false));
  const peers: Peer[] = [{ address: first.address }, { address: second.address }];
  await using proxy = testProxy({
    upstreamPeer: ({ tried }) => peers[tried.length]!,
    errorWhileProxy: () => true,
  }, { front: "tcp" });
  using client = await rawClient(proxy.address);
  await client.write(POST.replace("POST", "PUT"));
  assertEquals(await within(client.readHead(), "the 100"), CONTINUE);
  await client.write("body");
  await within(client.readUntil("done"), "the answer");
  assertEquals(bodies, ["body", "body"]);
  const { attempts, status, upstream } = await proxy.ended(1);
  assertEquals([attempts, status, upstream], [2, 200, second.address]);
  const ahead = client.received.split("HTTP/1.1 200")[0]!;
  assertEquals(ahead.replaceAll(CONTINUE, ""), "", "nothing but interim responses comes ahead of the answer");
});

for (const value of ["200-ok", "100-continue, x", ""]) {
  Deno.test(`any other expectation is dropped, and the body read at once: "${value}"`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp" });
    const text = `POST / HTTP/1.1\r\n${LENGTH}Connection: close\r\nExpect: ${value}\r\n\r\nbody`;
    assertEquals(statusOf(await send(proxy.address, text)), 200);
    const { text: got, body } = origin.requests[0]!;
    assertEquals([valuesOf(got, "expect"), body], [[], "body"]);
  });
}

for (
  const [what, head] of [
    ["without a body", "GET / HTTP/1.1\r\nHost: a\r\n"],
    ["in HTTP/1.0", `POST / HTTP/1.0\r\n${LENGTH}`],
  ]
) {
  Deno.test(`an expectation ${what} is dropped`, async () => {
    await using origin = wireOrigin();
    await using proxy = testProxy(origin.address, { front: "tcp" });
    const text = `${head}Connection: close\r\nExpect: 100-continue\r\n\r\n${
      head!.startsWith("P") ? "body" : ""
    }`;
    assertEquals(statusOf(await send(proxy.address, text)), 200);
    assertEquals(valuesOf(origin.requests[0]!.text, "expect"), []);
  });
}
