import { assertEquals } from "@std/assert";
import { FRONTS, onBothFronts, SERVE } from "../support/fronts.ts";
import { cannedOrigin } from "../support/origin.ts";
import { testProxy } from "../support/proxy.ts";
import { recorded } from "../support/recorder.ts";
import { send } from "../support/send.ts";
import { parseMessage, postText, requestText, responseText, valueOf } from "../support/wire.ts";

const GET = requestText("GET", "/");
const HEAD = requestText("HEAD", "/");

function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces).pipeThrough(new TextEncoderStream());
}

const cases: {
  name: string;
  answer: () => Response;
  request?: string;
  status: number;
  body: string;
}[] = [
  { name: "a string", answer: () => new Response("hello"), status: 200, body: "hello" },
  { name: "bytes", answer: () => new Response(new Uint8Array([104, 105])), status: 200, body: "hi" },
  { name: "a stream", answer: () => new Response(streamOf("one", "two")), status: 200, body: "onetwo" },
  { name: "no body", answer: () => new Response(null, { status: 403 }), status: 403, body: "" },
  { name: "204", answer: () => new Response(null, { status: 204 }), status: 204, body: "" },
  { name: "205", answer: () => new Response(null, { status: 205 }), status: 205, body: "" },
  { name: "304", answer: () => new Response(null, { status: 304 }), status: 304, body: "" },
  { name: "JSON", answer: () => Response.json({ a: 1 }, { status: 201 }), status: 201, body: '{"a":1}' },
  {
    name: "a redirect",
    answer: () => Response.redirect("http://b.example/", 302),
    status: 302,
    body: "",
  },
  { name: "a string to HEAD", answer: () => new Response("hello"), request: HEAD, status: 200, body: "" },
  {
    name: "a stream to HEAD",
    answer: () => new Response(streamOf("hello")),
    request: HEAD,
    status: 200,
    body: "",
  },
  {
    name: "a string to a POST whose body nobody reads",
    answer: () => new Response("no", { status: 401 }),
    request: postText("x".repeat(100_000)),
    status: 401,
    body: "no",
  },
];

for (const later of [false, true]) {
  for (const { name, answer, request = GET, status, body } of cases) {
    const how = later ? "a promise of " : "";
    onBothFronts(`requestFilter answers with ${how}${name}, and no upstream is asked`, async (front) => {
      await using origin = cannedOrigin(responseText("from the origin"));
      const { module, names, calls } = recorded({
        requestFilter: answer,
        upstreamPeer: () => ({ address: origin.address }),
      }, later);
      await using proxy = testProxy(module, { front });
      const message = parseMessage(await send(proxy.address, request));
      const entry = await proxy.ended(1);
      // Deno.serve would leave the client waiting for the body of a 205: it goes out as 204, which says the same.
      const sent = status === 205 && front === "serve" ? 204 : status;
      assertEquals([message.status, message.body, message.complete || body === ""], [sent, body, true]);
      assertEquals(origin.connections, 0);
      assertEquals(names(), ["newContext", "requestFilter", "logging"]);
      assertEquals(calls.at(-1)!.args[1], null);
      assertEquals([entry.bytesSent, entry.attempts, entry.flag], [body.length, 0, "-"]);
      assertEquals([entry.upstream, entry.connectMs, entry.firstByteMs], ["-", -1, -1]);
    }, later ? SERVE : FRONTS);
  }
}

onBothFronts(
  "the fields of an early answer reach the client, several Set-Cookie each by itself",
  async (front) => {
    await using proxy = testProxy({
      requestFilter() {
        const headers = new Headers({
          "x-early": "yes",
          "connection": "x-early",
          "content-type": "text/odd",
        });
        headers.append("set-cookie", "a=1");
        headers.append("set-cookie", "b=2");
        return new Response("x", { headers });
      },
    }, { front });
    const { fields } = parseMessage(await send(proxy.address, GET));
    assertEquals(valueOf(fields, "x-early"), "yes");
    assertEquals(valueOf(fields, "content-type"), "text/odd");
    assertEquals(fields.filter(([name]) => name === "set-cookie").map(([, value]) => value), ["a=1", "b=2"]);
    assertEquals(fields.some(([name, value]) => name === "connection" && value.includes("x-early")), false);
  },
);

onBothFronts("a stream that an early answer does not need is cancelled", async (front) => {
  const cancelled = Promise.withResolvers<void>();
  await using proxy = testProxy({
    requestFilter: () => new Response(new ReadableStream({ cancel: () => cancelled.resolve() })),
  }, { front });
  await send(proxy.address, HEAD);
  await cancelled.promise;
});

onBothFronts("an early answer whose stream fails midway does not look complete", async (front) => {
  await using proxy = testProxy({
    requestFilter: () =>
      new Response(ReadableStream.from((async function* () {
        yield new TextEncoder().encode("begin");
        await Promise.resolve();
        throw new Error("broken");
      })())),
  }, { front });
  const message = parseMessage(await send(proxy.address, GET));
  const entry = await proxy.ended(1);
  assertEquals([message.status, message.complete], [200, false]);
  assertEquals([entry.status, entry.flag], [200, "IE"]);
});

for (
  const [name, answer] of [["a used-up Response", usedUp], [
    "Response.error()",
    () => Response.error(),
  ]] as const
) {
  onBothFronts(`${name} as an early answer is an internal error`, async (front) => {
    await using proxy = testProxy({ requestFilter: () => answer() }, { front });
    const { status } = parseMessage(await send(proxy.address, GET));
    const entry = await proxy.ended(1);
    assertEquals([status, entry.flag], [500, "IE"]);
  });
}

async function usedUp(): Promise<Response> {
  const response = new Response("x");
  await response.text();
  return response;
}

onBothFronts("what requestFilter changes of the request holds for everything after it", async (front) => {
  const seen: string[] = [];
  await using proxy = testProxy({
    requestFilter(session) {
      session.request.target = "/other";
      session.request.headers.set("x-tenant", "7");
    },
    upstreamPeer(session) {
      seen.push(session.request.target, session.request.headers.get("x-tenant") ?? "");
      throw new Error("far enough");
    },
  }, { front });
  await send(proxy.address, GET);
  assertEquals(seen, ["/other", "7"]);
});
