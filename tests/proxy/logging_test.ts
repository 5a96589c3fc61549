import { assert, assertEquals, assertMatch } from "@std/assert";
import { onBothFronts } from "../support/fronts.ts";
import { cannedOrigin, deadAddress, type Origin, rawOrigin } from "../support/origin.ts";
import { rawClient, testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import {
  chunked,
  letters,
  parseMessage,
  postText,
  requestText,
  responseText,
  within,
} from "../support/wire.ts";
import type { AccessEntry, ProxyError, ProxyModule } from "../../src/mod.ts";

const GET = requestText("GET", "/");

/** `bytesSent` is left out where the proxy's own answer is sent. */
type Expected = Pick<AccessEntry, "status" | "bytesReceived" | "attempts" | "flag"> & { bytesSent?: number };

/** One request and what the access log has to say of it. */
interface LogCase {
  name: string;
  /** What the origin sends after a request's head, before it closes; none is an address where nobody listens. */
  origin?: string;
  /** The origin keeps its connection. */
  kept?: boolean;
  hooks?: ProxyModule;
  request?: string;
  expected: Expected;
  /** What `logging` is told. */
  error?: string;
}

const LARGE = letters(1_000_000);
const ok = { status: 200, bytesReceived: 0, attempts: 1, flag: "-" };

function failed(status: number, flag: string, attempts: number): Expected {
  return { status, bytesReceived: 0, attempts, flag };
}

const CASES: LogCase[] = [
  { name: "a small body", origin: responseText("hello"), kept: true, expected: { ...ok, bytesSent: 5 } },
  {
    name: "a gathered body",
    origin: responseText(LARGE.slice(0, 100_000)),
    kept: true,
    expected: { ...ok, bytesSent: 100_000 },
  },
  {
    name: "a streamed body",
    origin: responseText(LARGE),
    kept: true,
    expected: { ...ok, bytesSent: 1_000_000 },
  },
  {
    name: "a chunked body",
    origin: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(["one", "two"])}`,
    kept: true,
    expected: { ...ok, bytesSent: 6 },
  },
  {
    name: "a body until the close",
    origin: "HTTP/1.1 200 OK\r\n\r\nhello",
    expected: { ...ok, bytesSent: 5 },
  },
  {
    name: "HEAD",
    origin: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    kept: true,
    request: requestText("HEAD", "/"),
    expected: { ...ok, bytesSent: 0 },
  },
  {
    name: "204",
    origin: "HTTP/1.1 204 No Content\r\n\r\n",
    kept: true,
    expected: { ...ok, status: 204, bytesSent: 0 },
  },
  {
    name: "an upload",
    origin: responseText("hello"),
    kept: true,
    request: postText("to you"),
    expected: { ...ok, bytesSent: 5, bytesReceived: 6 },
  },
  {
    name: "an early answer",
    hooks: { requestFilter: () => new Response("early", { status: 403 }) },
    expected: { status: 403, bytesSent: 5, bytesReceived: 0, attempts: 0, flag: "-" },
  },
  {
    name: "a module without upstream",
    hooks: { upstreamPeer: undefined as never },
    expected: failed(404, "NR", 0),
    error: "no_route",
  },
  {
    name: "a request that is refused",
    request: "GET / HTTP/1.1\r\nHost: a/evil\r\nConnection: close\r\n\r\n",
    expected: failed(400, "DPE", 0),
    error: "bad_request",
  },
  {
    name: "CONNECT",
    request: "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nConnection: close\r\n\r\n",
    expected: failed(405, "DPE", 0),
    error: "method_not_allowed",
  },
  {
    name: "a body that is too large",
    hooks: { options: { maxRequestBody: 5 } },
    request: postText("123456"),
    expected: failed(413, "DPE", 0),
    error: "body_too_large",
  },
  { name: "a dead upstream, tried twice", expected: failed(502, "UF", 2), error: "connect_failed" },
  {
    name: "an upstream that closes without an answer",
    origin: "",
    expected: failed(502, "UC", 1),
    error: "upstream_closed",
  },
  {
    name: "an upstream that talks nonsense",
    origin: "nonsense\r\n\r\n",
    expected: failed(502, "UPE", 1),
    error: "bad_response",
  },
  {
    name: "a hook that fails",
    hooks: {
      upstreamPeer() {
        throw new Error("broken");
      },
    },
    expected: failed(500, "IE", 0),
    error: "hook_failed",
  },
  {
    name: "a streamed body that is cut",
    origin: `HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello`,
    expected: { ...ok, bytesSent: 5, flag: "UC" },
    error: "upstream_closed",
  },
  {
    name: "a chunked body that is cut",
    origin: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    expected: { ...ok, bytesSent: 5, flag: "UC" },
    error: "upstream_closed",
  },
];

function originFor({ origin, kept }: LogCase): Origin | null {
  if (origin === undefined) return null;
  if (kept) return cannedOrigin(origin);
  return rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write(origin);
  });
}

for (const row of CASES) {
  onBothFronts(`one line in the access log and one call of logging for ${row.name}`, async (front) => {
    await using origin = originFor(row);
    const address = origin?.address ?? deadAddress();
    const logged: (ProxyError | null)[] = [];
    await using proxy = testProxy({
      upstreamPeer: () => ({ address }),
      ...row.hooks,
      logging: (_session, error) => void logged.push(error),
    }, { front });
    const before = Date.now();
    const { status, body } = parseMessage(await send(proxy.address, row.request ?? GET));
    const entry = await proxy.ended(1);
    const { bytesSent = body.length, ...rest } = row.expected;
    const { attempts, bytesReceived, flag } = entry;
    assertEquals({ status: entry.status, bytesReceived, attempts, flag }, rest);
    assertEquals([status, entry.bytesSent, body.length], [entry.status, bytesSent, bytesSent]);
    assertEquals(entry.upstream, attempts === 0 ? "-" : address);
    assertTimes(entry);
    assert(entry.startedAt >= before - 1_000 && entry.startedAt <= Date.now() + 1_000, "it began now");
    assertMatch(entry.id, /^[0-9a-z-]+$/);
    assertEquals([entry.clientAddress, entry.method], ["127.0.0.1", (row.request ?? GET).split(" ")[0]]);
    // One more request, after which a second line for the first one would be there.
    await send(proxy.address, row.request ?? GET);
    await proxy.ended(2);
    assertEquals([proxy.entries.length, logged.length], [2, 2]);
    assertEquals(logged[0]?.type, row.error);
    assertEquals([proxy.counters.active, proxy.counters.requests], [0, 2]);
  });
}

function assertTimes({ attempts, status, connectMs, firstByteMs, totalMs }: AccessEntry): void {
  if (attempts === 0) return assertEquals([connectMs, firstByteMs], [-1, -1]);
  assert(connectMs >= 0 && connectMs <= totalMs, `connect ${connectMs} of ${totalMs}`);
  if (status >= 500) return assertEquals(firstByteMs, -1);
  assert(
    connectMs <= firstByteMs && firstByteMs <= totalMs,
    `${connectMs}, ${firstByteMs}, ${totalMs} in order`,
  );
}

onBothFronts("logging sees the finished request: status, bytes, attempts, time", async (front) => {
  await using origin = cannedOrigin(responseText(LARGE));
  const seen: unknown[] = [];
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    logging: ({ status, bytesSent, bytesReceived, attempts, tried, elapsed }) =>
      void seen.push(status, bytesSent, bytesReceived, attempts, tried.length, elapsed > 0),
  }, { front });
  await send(proxy.address, postText("in"));
  await proxy.ended(1);
  assertEquals(seen, [200, 1_000_000, 2, 1, 1, true]);
});

onBothFronts("the line comes after the last byte, not after the head", async (front) => {
  const rest = Promise.withResolvers<void>();
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\nbegin");
    await rest.promise;
    await connection.write("x".repeat(299_995));
    await connection.closed();
  });
  await using proxy = testProxy(origin.address, { front });
  using client = await rawClient(proxy.address);
  await client.write(GET);
  await within(client.readUntil("begin"), "the beginning");
  assertEquals([proxy.entries.length, proxy.counters.active], [0, 1]);
  rest.resolve();
  await client.closed();
  assertEquals([(await proxy.ended(1)).bytesSent, proxy.counters.active], [300_000, 0]);
});

onBothFronts("a well-formed X-Request-Id is the id of the line, another one is not", async (front) => {
  await using origin = cannedOrigin(responseText("hello"));
  await using proxy = testProxy(origin.address, { front });
  await send(proxy.address, requestText("GET", "/", "X-Request-Id: abc.1\r\n"));
  await send(proxy.address, requestText("GET", "/", 'X-Request-Id: "a b"\r\n'));
  await proxy.ended(2);
  assertEquals(proxy.entries[0]!.id, "abc.1");
  assertMatch(proxy.entries[1]!.id, /^[0-9a-z-]+$/);
});
