/** What a client is told of a failure: the status, the request id, and nothing about what is behind the proxy. */
import { assertEquals } from "@std/assert";
import { ProxyError, type ProxyModule } from "../../src/mod.ts";
import { deadAddress, type Origin, rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send, statusOf, valuesOf } from "../support/send.ts";

const SECRET = "secret.internal:8443";

interface Failure {
  status: number;
  text: string;
  /** A module that fails so. */
  module(silent: string): ProxyModule;
  /** The request, if not a plain one. */
  request?: string;
}

const peer = (address: string, more = {}): ProxyModule => ({ upstreamPeer: () => ({ address, ...more }) });

const FAILURES: Record<string, Failure> = {
  "a bad Host": {
    status: 400,
    text: "Bad Request",
    module: peer,
    request: `GET / HTTP/1.1\r\nHost: ${SECRET}/x\r\n`,
  },
  "a bad target": {
    status: 400,
    text: "Bad Request",
    module: peer,
    request: `GET /%00${SECRET} HTTP/1.1\r\nHost: a\r\n`,
  },
  "no upstreamPeer hook": {
    status: 404,
    text: "Not Found",
    module: () => ({ requestFilter: () => undefined }),
  },
  "a method not allowed": {
    status: 405,
    text: "Method Not Allowed",
    module: peer,
    request: `CONNECT ${SECRET} HTTP/1.1\r\nHost: ${SECRET}\r\n`,
  },
  "a hook that throws": {
    status: 500,
    text: "Internal Server Error",
    module: () => ({
      upstreamPeer: () => {
        throw new Error(`no database at ${SECRET}`);
      },
    }),
  },
  "an address that is none": {
    status: 500,
    text: "Internal Server Error",
    module: () => peer(`http://${SECRET}`),
  },
  "an upstream that does not listen": {
    status: 502,
    text: "Bad Gateway",
    module: () => peer(deadAddress()),
  },
  "an upstream that is not HTTP": {
    status: 502,
    text: "Bad Gateway",
    module: (silent) => peer(silent),
    request: "GET /garbage HTTP/1.1\r\nHost: a\r\n",
  },
  "an upstream that hangs up": {
    status: 502,
    text: "Bad Gateway",
    module: (silent) => peer(silent),
    request: "GET /bye HTTP/1.1\r\nHost: a\r\n",
  },
  "no healthy upstream": {
    status: 503,
    text: "Service Unavailable",
    module: () => ({
      upstreamPeer: () => {
        throw new ProxyError("no_healthy_upstream", `all of ${SECRET} are down`);
      },
    }),
  },
  "an upstream that does not answer in time": {
    status: 504,
    text: "Gateway Timeout",
    module: (silent) => peer(silent, { timeouts: { firstByte: 10 } }),
  },
  "a deadline that passed": {
    status: 504,
    text: "Gateway Timeout",
    module: (silent) => ({ ...peer(silent), options: { totalTimeout: 10 } }),
  },
};

/** An origin that says nothing, garbage, or good-bye. */
function silentOrigin(): Origin {
  return rawOrigin(async (connection) => {
    const head = await connection.readHead() ?? "";
    if (head.startsWith("GET /bye")) return;
    if (head.startsWith("GET /garbage")) await connection.write(`${SECRET} ready\r\n\r\n`);
    await connection.closed();
  });
}

for (
  const [what, { status, text, module, request = "GET / HTTP/1.1\r\nHost: a\r\n" }] of Object.entries(
    FAILURES,
  )
) {
  Deno.test(`the answer to ${what} is ${status} and names only itself and the request id`, async () => {
    await using origin = silentOrigin();
    await using proxy = testProxy(module(origin.address));
    const answer = await send(proxy.address, `${request}X-Request-Id: t-1\r\nConnection: close\r\n\r\n`);
    const [head, body] = answer.split("\r\n\r\n");
    assertEquals([statusOf(answer), body], [status, `${status} ${text}\nrequest id: t-1\n`]);
    const fields = head!.toLowerCase().split("\r\n").slice(1).filter((field) => !field.startsWith("date:"));
    const more = fields.filter((field) => !/^(allow|retry-after|connection): /.test(field)).sort();
    assertEquals(more, [
      "cache-control: no-store",
      `content-length: ${body!.length}`,
      "content-type: text/plain; charset=utf-8",
      "x-request-id: t-1",
    ]);
    assertEquals([valuesOf(answer, "allow").length, valuesOf(answer, "retry-after").length], [
      status === 405 ? 1 : 0,
      status === 503 ? 1 : 0,
    ]);
    assertEquals((await proxy.ended(1)).status, status);
  });
}

Deno.test("the answer to a failed HEAD has no body", async () => {
  await using proxy = testProxy(deadAddress());
  const answer = await send(proxy.address, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assertEquals([statusOf(answer), answer.split("\r\n\r\n")[1]], [502, ""]);
});

Deno.test("a failure without a request id of the client's gets one, the same in answer and log", async () => {
  await using proxy = testProxy(deadAddress());
  const answer = await send(proxy.address, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const { id } = await proxy.ended(1);
  assertEquals(valuesOf(answer, "x-request-id"), [id]);
  assertEquals(answer.split("\r\n\r\n")[1], `502 Bad Gateway\nrequest id: ${id}\n`);
});
