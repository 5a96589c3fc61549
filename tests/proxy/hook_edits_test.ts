import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { cannedOrigin, deadAddress, type Origin, rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage, postText, requestText, responseText, valueOf } from "../support/wire.ts";
import type { AccessEntry, ProxyError, ProxyModule } from "../../src/mod.ts";

const GET = requestText("GET", "/");

/** An origin that keeps the bytes of a request with a body of two bytes, and answers it. */
function listening(): Origin & { received: Promise<string> } {
  const received = Promise.withResolvers<string>();
  const origin = rawOrigin(async (connection) => {
    const head = await connection.readHead() ?? "";
    if (head.startsWith("POST")) await connection.readUntil("hi", head.length);
    await connection.write(responseText("hello"));
    received.resolve(connection.received);
    await connection.closed();
  });
  return Object.assign(origin, { received: received.promise });
}

Deno.test("what upstreamRequestFilter makes of the request is what the origin gets", async () => {
  await using origin = listening();
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    upstreamRequestFilter(session, request) {
      request.method = "PUT";
      request.target = "/rewritten?x=%41&&";
      request.headers.set("host", "one.example");
      request.headers.set("X-Spelled", "caf\xe9");
      request.headers.append("x-twice", "1");
      request.headers.append("x-twice", "2");
      request.headers.delete("user-agent");
      assertEquals(session.request.headers.get("x-twice"), null, "the filter has a copy");
    },
  });
  await send(proxy.address, requestText("GET", "/a", "User-Agent: me\r\nX-Kept: yes\r\n"));
  const text = await origin.received;
  assert(text.startsWith("PUT /rewritten?x=%41&& HTTP/1.1\r\nhost: one.example\r\n"), text);
  assertStringIncludes(text, "\r\nX-Spelled: caf\xe9\r\n");
  assertStringIncludes(text, "\r\nx-twice: 1\r\nx-twice: 2\r\n");
  assertStringIncludes(text, "\r\nx-kept: yes\r\n");
  assert(!text.includes("user-agent"), text);
});

const FRAMING: [string, string][] = [
  ["Content-Length", "99"],
  ["Transfer-Encoding", "chunked"],
  ["Connection", "x-kept"],
  ["Keep-Alive", "timeout=5"],
  ["Proxy-Connection", "keep-alive"],
  ["Te", "gzip"],
  ["Trailer", "x-kept"],
  ["Upgrade", "h2c"],
  ["Expect", "100-continue"],
];

for (const hook of ["requestFilter", "upstreamRequestFilter"] as const) {
  for (const [name, value] of FRAMING) {
    Deno.test(`${name} set in ${hook} does not reach the origin`, async () => {
      await using origin = listening();
      const edit = (headers: { append(name: string, value: string): void }) => {
        headers.append("x-kept", "yes");
        headers.append(name, value);
      };
      const hooks: ProxyModule = hook === "requestFilter"
        ? { requestFilter: (session) => edit(session.request.headers) }
        : { upstreamRequestFilter: (_session, request) => edit(request.headers) };
      await using proxy = testProxy({ ...hooks, upstreamPeer: () => ({ address: origin.address }) });
      await send(proxy.address, postText("hi"));
      const { fields, body } = parseMessage(await origin.received);
      const framing = FRAMING.map(([its]) => its.toLowerCase());
      assertEquals(fields.filter(([its]) => framing.includes(its)), [["content-length", "2"]]);
      assertEquals([valueOf(fields, "x-kept"), body], ["yes", "hi"]);
    });
  }
}

for (const [what, edit] of [["method", { method: "A B" }], ["target", { target: "/a b\r\nx: y" }]] as const) {
  Deno.test(`a ${what} that would break the request line is an internal error and is not sent`, async () => {
    await using origin = listening();
    await using proxy = testProxy({
      upstreamPeer: () => ({ address: origin.address }),
      upstreamRequestFilter: (_session, request) => void Object.assign(request, edit),
    });
    const { status } = parseMessage(await send(proxy.address, GET));
    assertEquals(status, 500);
  });
}

Deno.test("upstreamResponseFilter edits first, then responseFilter, and the client gets the result", async () => {
  await using origin = cannedOrigin(responseText("hello", "Server: odd\r\nX-Old: 1\r\nSet-Cookie: a=1\r\n"));
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    upstreamResponseFilter(_session, response) {
      response.status = 404;
      response.headers.set("server", "first");
      response.headers.delete("x-old");
      response.headers.append("set-cookie", "b=2");
    },
    responseFilter(_session, response) {
      assertEquals([response.status, response.headers.get("server")], [404, "first"]);
      response.status = 418;
      response.headers.set("server", "second");
      response.headers.set("content-length", "3");
      response.headers.set("transfer-encoding", "chunked");
      response.headers.set("connection", "server");
    },
  });
  const answer = parseMessage(await send(proxy.address, GET));
  const entry = await proxy.ended(1);
  assertEquals([answer.status, entry.status, answer.body], [418, 418, "hello"]);
  assertEquals([answer.framing, valueOf(answer.fields, "content-length")], ["length", "5"]);
  assertEquals([valueOf(answer.fields, "server"), valueOf(answer.fields, "x-old")], ["second", null]);
  assertEquals(answer.fields.filter(([name]) => name === "set-cookie").length, 2);
  assertEquals(answer.fields.some(([name, value]) => name === "connection" && value === "server"), false);
});

for (const hook of ["upstreamResponseFilter", "responseFilter"] as const) {
  for (const status of [204, 205, 304]) {
    for (const size of [5, 400_000]) {
      Deno.test(`status ${status} set in ${hook} drops a body of ${size} bytes`, async () => {
        await using origin = cannedOrigin(responseText("x".repeat(size)));
        await using proxy = testProxy({
          upstreamPeer: () => ({ address: origin.address }),
          [hook]: (_session: unknown, response: { status: number }) => void (response.status = status),
        });
        const text = await send(proxy.address, GET);
        const entry = await proxy.ended(1);
        // Deno.serve would leave the client waiting for the body of a 205.
        const sent = status === 205 ? 204 : status;
        assertEquals([parseMessage(text).status, text.slice(text.indexOf("\r\n\r\n"))], [sent, "\r\n\r\n"]);
        assertEquals([entry.bytesSent, entry.flag], [0, "-"]);
      });
    }
  }

  for (const status of [0, 99, 101, 199, 600, 1000, NaN]) {
    Deno.test(`status ${status} set in ${hook} is an internal error`, async () => {
      await using origin = cannedOrigin(responseText("hello"));
      await using proxy = testProxy({
        upstreamPeer: () => ({ address: origin.address }),
        [hook]: (_session: unknown, response: { status: number }) => void (response.status = status),
      });
      const { status: got } = parseMessage(await send(proxy.address, GET));
      const entry = await proxy.ended(1);
      assertEquals([got, entry.status, entry.flag], [500, 500, "IE"]);
    });
  }
}

Deno.test("failToProxy builds the answer, and the log still says what failed", async () => {
  const errors: (ProxyError | null)[] = [];
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: deadAddress() }),
    failToProxy: (session, error) =>
      new Response(`sorry ${error.type} ${session.attempts}`, { status: 599, headers: { "x-own": "1" } }),
    logging: (_session, error) => void errors.push(error),
  });
  const answer = parseMessage(await send(proxy.address, GET));
  const entry: AccessEntry = await proxy.ended(1);
  assertEquals([answer.status, answer.body], [599, "sorry connect_failed 2"]);
  assertEquals(valueOf(answer.fields, "x-own"), "1");
  assertEquals([entry.status, entry.bytesSent], [599, answer.body.length]);
  assertEquals([entry.flag, errors.map((error) => error?.type)], ["UF", ["connect_failed"]]);
});

Deno.test("the default answer names status and request id and nothing of the upstream", async () => {
  const dead = deadAddress();
  await using proxy = testProxy(dead);
  const answer = parseMessage(await send(proxy.address, requestText("GET", "/", "X-Request-Id: abc-1\r\n")));
  assertEquals([answer.status, answer.body], [502, "502 Bad Gateway\nrequest id: abc-1\n"]);
  assertEquals(valueOf(answer.fields, "x-request-id"), "abc-1");
});

Deno.test("a module that answers nothing and has no upstreamPeer gives a 404", async () => {
  await using proxy = testProxy({ requestFilter() {} });
  const { status } = parseMessage(await send(proxy.address, GET));
  const entry = await proxy.ended(1);
  assertEquals([status, entry.status, entry.flag, entry.attempts], [404, 404, "NR", 0]);
});
