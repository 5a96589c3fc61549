import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { cannedOrigin, deadAddress, type Origin, rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { type HookName, recorded } from "../support/recorder.ts";
import { send } from "../support/send.ts";
import { chunked, parseMessage, postText, requestText, responseText } from "../support/wire.ts";
import type { Connected, Peer, Session } from "../../src/mod.ts";

const AROUND_BODY: HookName[] = ["upstreamResponseFilter", "responseFilter", "responseBodyFilter", "logging"];

/** Reads requests whose body is chunked, and answers each. */
function chunkedOrigin(): Origin {
  return rawOrigin(async (connection) => {
    while (await connection.readHead() !== null) {
      if (!await connection.readUntil("\r\n0\r\n\r\n")) return;
      await connection.write(responseText("hello"));
    }
  });
}

/** Closes every connection after the first head. */
function dyingOrigin(): Origin {
  return rawOrigin(async (connection) => {
    await connection.readHead();
  });
}

Deno.test("a plain request goes through its phases in order", async () => {
  await using origin = chunkedOrigin();
  const { module, names } = recorded({ upstreamPeer: () => ({ address: origin.address }) });
  await using proxy = testProxy(module);
  const { status, body } = parseMessage(await send(proxy.address, postText("in")));
  await proxy.ended(1);
  assertEquals([status, body], [200, "hello"]);
  assertEquals(names(), [
    "newContext",
    "requestFilter",
    "upstreamPeer",
    "connectedToUpstream",
    "upstreamRequestFilter",
    "requestBodyFilter",
    "requestBodyFilter",
    ...AROUND_BODY,
  ]);
});

Deno.test("a request without a body skips the request's body filter", async () => {
  await using origin = cannedOrigin(responseText("hello"));
  const { module, names } = recorded({ upstreamPeer: () => ({ address: origin.address }) });
  await using proxy = testProxy(module);
  await send(proxy.address, requestText("GET", "/"));
  await proxy.ended(1);
  assertEquals(names(), [
    "newContext",
    "requestFilter",
    "upstreamPeer",
    "connectedToUpstream",
    "upstreamRequestFilter",
    ...AROUND_BODY,
  ]);
});

for (const later of [false, true]) {
  const how = later ? "asynchronous" : "synchronous";

  Deno.test(`retries go back to upstreamPeer and nothing before it, with ${how} hooks`, async () => {
    await using dying = dyingOrigin();
    await using good = cannedOrigin(responseText("hello"));
    const peers = [deadAddress(), dying.address, good.address].map((address): Peer => ({ address }));
    const attempts: number[] = [];
    const { module, names, calls } = recorded({
      options: { retries: 2 },
      upstreamPeer(session: Session) {
        attempts.push(session.attempts);
        return peers[session.attempts]!;
      },
      failToConnect: () => true,
      errorWhileProxy: () => true,
    }, later);
    await using proxy = testProxy(module);
    const { status, body } = parseMessage(await send(proxy.address, requestText("GET", "/")));
    const entry = await proxy.ended(1);
    assertEquals([status, body, entry.attempts, proxy.counters.retries], [200, "hello", 3, 2]);
    assertEquals(attempts, [0, 1, 2]);
    assertEquals(names(), [
      "newContext",
      "requestFilter",
      "upstreamPeer",
      "failToConnect",
      "upstreamPeer",
      "connectedToUpstream",
      "upstreamRequestFilter",
      "errorWhileProxy",
      "upstreamPeer",
      "connectedToUpstream",
      "upstreamRequestFilter",
      ...AROUND_BODY,
    ]);
    const session = calls.at(-1)!.args[0] as Session;
    assertEquals(session.tried, peers);
    assert(calls.at(-1)!.args[1] === null, "a request that ended well has no error");
  });

  Deno.test(`a request that fails for good ends with failToProxy and logging, with ${how} hooks`, async () => {
    await using dying = dyingOrigin();
    const { module, names, calls } = recorded({
      upstreamPeer: () => ({ address: dying.address }),
      errorWhileProxy: () => false,
      failToProxy: () => new Response("sorry", { status: 503 }),
    }, later);
    await using proxy = testProxy(module);
    const { status, body } = parseMessage(await send(proxy.address, requestText("GET", "/")));
    await proxy.ended(1);
    assertEquals([status, body], [503, "sorry"]);
    assertEquals(names().slice(3), [
      "connectedToUpstream",
      "upstreamRequestFilter",
      "errorWhileProxy",
      "failToProxy",
      "logging",
    ]);
    const errors = calls.filter(({ hook }) => hook === "errorWhileProxy" || hook === "failToProxy").map((
      call,
    ) => call.args.find((arg) => arg instanceof Error));
    assertEquals(errors.map((error) => (error as { type?: string }).type), [
      "upstream_closed",
      "upstream_closed",
    ]);
  });

  Deno.test(`every phase of a request with a body may be ${how}`, async () => {
    await using origin = chunkedOrigin();
    const { module } = recorded({
      upstreamPeer: () => ({ address: origin.address }),
      upstreamRequestFilter: (_session, request) => request.headers.set("x-in", "1"),
      requestBodyFilter: (_session, chunk) => chunk,
      upstreamResponseFilter: (_session, response) => response.headers.set("x-out", "1"),
      responseFilter: (_session, response) => response.headers.append("x-out", "2"),
      responseBodyFilter: (_session, chunk) => chunk,
    }, later);
    await using proxy = testProxy(module);
    const answer = parseMessage(await send(proxy.address, postText("in")));
    assertEquals([answer.status, answer.body], [200, "hello"]);
    assertEquals(
      answer.fields.filter(([name]) => name === "x-out").map(([, value]) => value).join(", "),
      "1, 2",
    );
  });
}

Deno.test("every request has a context of its own, the same in all its hooks", async () => {
  await using dying = dyingOrigin();
  await using origin = chunkedOrigin();
  let made = 0;
  const both = Promise.withResolvers<void>();
  const { module, calls } = recorded({
    newContext: () => ({ number: ++made }),
    async requestFilter() {
      if (made === 2) both.resolve();
      await both.promise;
    },
    upstreamPeer: ({ attempts }) => ({
      address: [deadAddress(), dying.address, origin.address][attempts % 3]!,
    }),
    options: { retries: 2 },
    errorWhileProxy: () => true,
    failToConnect: () => true,
  });
  await using proxy = testProxy(module);
  const put = requestText("PUT", "/", "Transfer-Encoding: chunked\r\n", chunked(["in"]));
  const answers = await Promise.all([1, 2].map(() => send(proxy.address, put)));
  assertEquals(answers.map((text) => parseMessage(text).body), ["hello", "hello"]);
  await proxy.ended(2);
  const contexts = new Map<string, Set<unknown>>();
  for (const { hook, args } of calls) {
    if (hook === "newContext") continue;
    const { id } = args[0] as Session;
    contexts.set(id, (contexts.get(id) ?? new Set()).add(args.at(-1)));
  }
  assertEquals([...contexts.values()].map((set) => [...set]), [[{ number: 1 }], [{ number: 2 }]]);
  const [first, second] = [...contexts.keys()];
  assertNotEquals(first, second);
});

Deno.test("without newContext the context is undefined", async () => {
  await using origin = cannedOrigin(responseText("hello"));
  const contexts: unknown[] = [];
  await using proxy = testProxy({
    requestFilter: (_session, context) => void contexts.push(context),
    upstreamPeer: () => ({ address: origin.address }),
    logging: (_session, _error, context) => void contexts.push(context),
  });
  await send(proxy.address, requestText("GET", "/"));
  await proxy.ended(1);
  assertEquals(contexts, [undefined, undefined]);
});

Deno.test("connectedToUpstream says whom it is connected to, from where, and whether again", async () => {
  await using origin = cannedOrigin(responseText("hello"));
  const seen: Connected[] = [];
  const peer: Peer = { address: origin.address };
  await using proxy = testProxy({
    upstreamPeer: () => peer,
    connectedToUpstream: (_session, connected) => void seen.push(connected),
  });
  using client = await rawClient(proxy.address);
  for (const n of [1, 2]) {
    await client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await proxy.ended(n);
  }
  assertEquals(seen.map(({ reused }) => reused), [false, true]);
  assert(seen.every((connected) => connected.peer === peer));
  const [first, second] = seen.map(({ localAddr }) => localAddr as Deno.NetAddr);
  assertEquals(first!.hostname, "127.0.0.1");
  assertEquals(first!.port, second!.port);
});
