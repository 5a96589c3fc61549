import { assert, assertEquals } from "@std/assert";
import { countingOrigin } from "../support/counting_origin.ts";
import { onBothFronts } from "../support/fronts.ts";
import { rawOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
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
import { ProxyError } from "../../src/mod.ts";

const GET = requestText("GET", "/");
const LARGE = letters(1_000_000);
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// Deno.serve prints what breaks a stream off to standard error; nothing here can keep it from that.
const STREAMED = [
  { name: "of known length", response: responseText(LARGE) },
  {
    name: "in chunks",
    response: CHUNKED + chunked(Array.from({ length: 20 }, () => LARGE.slice(0, 50_000))),
  },
];

for (const { name, response } of STREAMED) {
  for (const when of ["midway", "at the end"]) {
    onBothFronts(
      `a response body filter that throws ${when} cuts a body ${name}, which does not look complete`,
      async (front) => {
        await using origin = countingOrigin(response);
        let passed = 0;
        await using proxy = testProxy({
          upstreamPeer: () => ({ address: origin.address }),
          responseBodyFilter(_session, chunk, end) {
            if (when === "midway" ? passed > 300_000 : end) throw new Error("broken hook");
            passed += chunk?.length ?? 0;
          },
        }, { front });
        const answer = parseMessage(await send(proxy.address, GET));
        const entry = await proxy.ended(1);
        assertEquals([answer.status, answer.framing, answer.complete], [200, "chunked", false]);
        assert(answer.body.length <= passed, `${answer.body.length} bytes came of ${passed}`);
        assertEquals([entry.status, entry.flag, proxy.counters.active], [200, "IE", 0]);
        await origin.settled(() => proxy.idleConnections);
      },
    );
  }
}

const AT_HAND = [
  { name: "small", response: responseText("hello") },
  { name: "empty", response: responseText("") },
];

for (const { name, response } of AT_HAND) {
  for (
    const [way, error, status, flag] of [
      ["an error", new Error("broken hook"), 500, "IE"],
      ["a ProxyError", new ProxyError("no_route", "not here"), 404, "NR"],
    ] as const
  ) {
    onBothFronts(
      `a response body filter that throws ${way} for a body that is ${name} is answered with ${status}`,
      async (front) => {
        await using origin = countingOrigin(response);
        await using proxy = testProxy({
          upstreamPeer: () => ({ address: origin.address }),
          responseBodyFilter() {
            throw error;
          },
        }, { front });
        const answer = parseMessage(await send(proxy.address, GET));
        const entry = await proxy.ended(1);
        assertEquals([answer.status, answer.complete, entry.status, entry.flag], [
          status,
          true,
          status,
          flag,
        ]);
        await origin.settled(() => proxy.idleConnections);
      },
    );
  }
}

for (const framing of ["length", "chunked"] as const) {
  for (const when of ["midway", "at the end"]) {
    onBothFronts(
      `a request body filter that throws ${when} leaves the origin with a cut body, sent with ${framing}`,
      async (front) => {
        const received = Promise.withResolvers<string>();
        await using origin = rawOrigin(async (connection) => {
          await connection.closed();
          received.resolve(connection.received);
        });
        let passed = 0;
        await using proxy = testProxy({
          upstreamPeer: () => ({ address: origin.address }),
          requestBodyFilter(_session, chunk, end) {
            if (when === "midway" ? passed > 300_000 : end) throw new Error("broken hook");
            passed += chunk?.length ?? 0;
          },
        }, { front });
        const { status } = parseMessage(await send(proxy.address, postText(LARGE, framing)));
        const entry = await proxy.ended(1);
        assertEquals([status, entry.status, entry.flag, entry.attempts], [500, 500, "IE", 1]);
        const request = parseMessage(await within(received.promise, "the origin's connection to close"));
        assertEquals([request.framing, request.complete], ["chunked", false]);
      },
    );
  }
}

onBothFronts(
  "a filter that replaces a chunk by something other than bytes is an internal error",
  async (front) => {
    await using origin = countingOrigin(responseText("hello"));
    await using proxy = testProxy({
      upstreamPeer: () => ({ address: origin.address }),
      responseBodyFilter: () => "text" as never,
    }, { front });
    const { status } = parseMessage(await send(proxy.address, GET));
    const entry = await proxy.ended(1);
    assertEquals([status, entry.flag], [500, "IE"]);
  },
);

onBothFronts("what both body filters see again at a second attempt is the whole body", async (front) => {
  const seen: string[] = [];
  await using origin = rawOrigin(async (connection) => {
    await connection.readHead();
    await connection.readUntil("0\r\n\r\n");
    if (connection.number > 1) await connection.write(responseText("thanks"));
  });
  await using proxy = testProxy({
    upstreamPeer: () => ({ address: origin.address }),
    errorWhileProxy: () => true,
    requestBodyFilter: ({ attempts }, chunk, end) =>
      void seen.push(`${attempts} ${chunk?.length ?? 0} ${end}`),
  }, { front });
  const put = requestText("PUT", "/", "Content-Length: 12\r\n", letters(12));
  assertEquals(parseMessage(await send(proxy.address, put)).status, 200);
  assertEquals(seen, ["1 12 false", "1 0 true", "2 12 false", "2 0 true"]);
});
