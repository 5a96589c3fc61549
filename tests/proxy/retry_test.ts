/**
 * When a request is sent again, and when it must not be.
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import type { Peer, ProxyModule } from "../../src/mod.ts";
import { onBothFronts } from "../support/fronts.ts";
import { deadAddress, type Origin, rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { send } from "../support/send.ts";
import { parseMessage } from "../support/wire.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** An origin whose connections answer once and die when a second request was read; `requests` are all it got. */
function forgetfulOrigin(): { origin: Origin; requests: string[] } {
  const requests: string[] = [];
  const origin = rawOrigin(async (connection) => {
    let start = 0;
    for (let served = 0; await connection.readHead() !== null; served++) {
      const bodyStart = connection.received.indexOf("\r\n\r\n", start) + 4;
      const head = connection.received.slice(start, bodyStart);
      const end = bodyStart + Number(/content-length: (\d+)\r\n/.exec(head)?.[1] ?? 0);
      while (connection.received.length < end && await connection.read() !== null);
      requests.push(connection.received.slice(start, end));
      start = end;
      if (served > 0) return;
      await connection.write(OK);
    }
  });
  return { origin, requests };
}

function request(method: string, body?: string): string {
  const framing = body === undefined ? "" : `Content-Length: ${body.length}\r\n`;
  return `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${framing}\r\n${body ?? ""}`;
}

const stale: [name: string, text: string, status: number, sent: number][] = [
  ["GET", request("GET"), 200, 3],
  ["HEAD", request("HEAD"), 200, 3],
  ["DELETE", request("DELETE"), 200, 3],
  ["PUT with a body", request("PUT", "some body"), 200, 3],
  ["PUT with a body of 64 KiB", request("PUT", "x".repeat(65_536)), 200, 3],
  ["PUT with a body of 64 KiB and a byte", request("PUT", "x".repeat(65_537)), 502, 2],
  ["POST without a body", request("POST"), 502, 2],
  ["POST with a body", request("POST", "some body"), 502, 2],
  ["PATCH with a body", request("PATCH", "some body"), 502, 2],
];

for (const [name, text, status, sent] of stale) {
  onBothFronts(
    `a reused connection that dies with the request read: ${name} is answered ${status}`,
    async (front) => {
      const { origin, requests } = forgetfulOrigin();
      await using _ = origin;
      await using proxy = testProxy(origin.address, { front });
      assertEquals(parseMessage(await send(proxy.address, request("GET"))).status, 200);
      assertEquals(parseMessage(await send(proxy.address, text)).status, status);
      const entry = await proxy.ended(2);
      assertEquals([entry.attempts, requests.length, proxy.counters.retries], [sent - 1, sent, sent - 2]);
      if (sent === 3) assertEquals(requests[2], requests[1]);
    },
  );
}

onBothFronts("a new connection that dies without an answer is not tried again", async (front) => {
  let got = 0;
  await using origin = rawOrigin(async (connection) => void (await connection.readHead() !== null && got++));
  await using proxy = testProxy(origin.address, { front });
  assertEquals(parseMessage(await send(proxy.address, request("GET"))).status, 502);
  assertEquals([got, (await proxy.ended(1)).attempts], [1, 1]);
});

onBothFronts("a POST whose connection fails goes to the next peer, body and all", async (front) => {
  const { origin, requests } = forgetfulOrigin();
  await using _ = origin;
  const peers: Peer[] = [{ address: deadAddress() }, { address: origin.address }];
  await using proxy = testProxy({
    upstreamPeer: ({ tried }) => peers.find((peer) => !tried.includes(peer))!,
  }, { front });
  assertEquals(parseMessage(await send(proxy.address, request("POST", "some body"))).status, 200);
  const entry = await proxy.ended(1);
  assertEquals([entry.attempts, entry.upstream, requests.length], [2, origin.address, 1]);
  assertEquals(requests[0]!.endsWith("\r\n\r\nsome body"), true);
});

const verdicts: [name: string, hooks: Partial<ProxyModule>, attempts: number][] = [
  ["by default there is one more attempt", {}, 2],
  ["retries: 0 allows none", { options: { retries: 0 } }, 1],
  ["retries: 3 allows three more", { options: { retries: 3 } }, 4],
  ["failToConnect false allows none", { failToConnect: () => false }, 1],
  ["failToConnect true cannot go beyond the retries", { failToConnect: () => true }, 2],
];

for (const [name, hooks, attempts] of verdicts) {
  Deno.test(`an upstream that cannot be reached: ${name}`, async () => {
    const peer: Peer = { address: deadAddress() };
    await using proxy = testProxy({ upstreamPeer: () => peer, ...hooks });
    assertEquals(parseMessage(await send(proxy.address, request("GET"))).status, 502);
    const entry = await proxy.ended(1);
    assertEquals([entry.attempts, entry.flag], [attempts, "UF"]);
  });
}

for (
  const [method, verdict, attempts, safe] of [
    ["GET", true, 2, true],
    ["GET", false, 1, true],
    ["POST", true, 1, false],
  ] as const
) {
  onBothFronts(
    `errorWhileProxy ${verdict} for a ${method} that was delivered makes ${attempts} attempts`,
    async (front) => {
      await using origin = rawOrigin(async (connection) => void await connection.readHead());
      const seen: boolean[] = [];
      await using proxy = testProxy({
        upstreamPeer: () => ({ address: origin.address }),
        errorWhileProxy: (_session, _peer, error) => (seen.push(error.retrySafe), verdict),
      }, { front });
      assertEquals(parseMessage(await send(proxy.address, request(method))).status, 502);
      assertEquals([(await proxy.ended(1)).attempts, seen], [attempts, Array(attempts).fill(safe)]);
    },
  );
}

onBothFronts(
  "errorWhileProxy false keeps a stale connection's request from being sent again",
  async (front) => {
    const { origin, requests } = forgetfulOrigin();
    await using _ = origin;
    await using proxy = testProxy({
      upstreamPeer: () => ({ address: origin.address }),
      errorWhileProxy: () => false,
    }, { front });
    for (const status of [200, 502]) {
      assertEquals(parseMessage(await send(proxy.address, request("GET"))).status, status);
    }
    assertEquals(requests.length, 2);
  },
);

onBothFronts("a response that began is not asked for again, even on a reused connection", async (front) => {
  let got = 0;
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    got++;
    await connection.write(OK);
    if (await connection.readHead() === null) return;
    got++;
    await connection.write("HTTP/1.1 200 ");
  });
  await using proxy = testProxy(origin.address, { front });
  for (const status of [200, 502]) {
    assertEquals(parseMessage(await send(proxy.address, request("GET"))).status, status);
  }
  assertEquals(got, 2);
});

onBothFronts(
  "every attempt gets a fresh copy of the request, and its body filter the whole body again",
  async (front) => {
    const { origin, requests } = forgetfulOrigin();
    await using _ = origin;
    const chunks: string[] = [];
    await using proxy = testProxy({
      upstreamPeer: () => ({ address: origin.address }),
      upstreamRequestFilter: ({ attempts }, { headers }) => headers.append("x-attempt", String(attempts)),
    }, { front });
    await using filtering = testProxy({
      upstreamPeer: () => ({ address: origin.address }),
      requestBodyFilter: (_session, chunk) => {
        if (chunk !== null) chunks.push(new TextDecoder().decode(chunk));
      },
    }, { front });
    await send(proxy.address, request("GET"));
    await send(proxy.address, request("PUT", "body"));
    assertEquals(requests.slice(1).map((text) => [...text.matchAll(/x-attempt: (\d)/g)].map(([, n]) => n)), [[
      "1",
    ], ["2"]]);
    assertNotEquals(requests[1], requests[2]);
    await send(filtering.address, request("GET"));
    await send(filtering.address, request("PUT", "body"));
    assertEquals([chunks, (await filtering.ended(2)).attempts], [["body", "body"], 2]);
  },
);

onBothFronts("a GET that a filter made a POST is delivered once", async (front) => {
  const { origin, requests } = forgetfulOrigin();
  await using _ = origin;
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    upstreamRequestFilter: (_session, head) => void (head.method = "POST"),
  }, { front });
  for (const status of [200, 502]) {
    assertEquals(parseMessage(await send(proxy.address, request("GET"))).status, status);
  }
  assertEquals(requests.length, 2);
});
