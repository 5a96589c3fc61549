import { assertEquals, assertMatch } from "@std/assert";
import { deadAddress, httpOrigin } from "../support/origin.ts";
import { e2e, ready, simple } from "../support/process.ts";

interface ExportedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { code?: number };
}

const [SERVER, CLIENT] = [2, 3];
const GIVEN = { trace: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331" };

/** Receives spans by OTLP. */
function collector() {
  const spans: ExportedSpan[] = [];
  let more = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body = await request.text();
    if (new URL(request.url).pathname === "/v1/traces") {
      for (const { scopeSpans } of JSON.parse(body).resourceSpans) {
        for (const { spans: found } of scopeSpans) spans.push(...found);
      }
      more.resolve();
      more = Promise.withResolvers();
    }
    return Response.json({});
  });
  return {
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    },
    /** Resolves with the spans as soon as there are so many. */
    async spans(count: number): Promise<ExportedSpan[]> {
      while (spans.length < count) await more.promise;
      return spans;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function attribute({ attributes }: ExportedSpan, name: string): unknown {
  return Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0];
}

for (const front of ["serve", "tcp"]) {
  e2e(
    `a request is a server span with a client span for its attempt, in the client's trace (${front})`,
    async () => {
      await using traces = collector();
      let seen = "";
      await using origin = httpOrigin((request) => {
        seen = request.headers.get("traceparent") ?? "";
        return new Response("ok");
      });
      await using proxy = simple(origin.address, ["--front", front], { env: traces.env });
      const headers = { traceparent: `00-${GIVEN.trace}-${GIVEN.span}-01`, connection: "close" };
      const answer = await fetch(`${await ready(proxy)}/a?b`, { headers });
      assertEquals(await answer.text(), "ok");
      const spans = await traces.spans(2);
      const server = spans.find(({ kind }) => kind === SERVER)!;
      const client = spans.find(({ kind }) => kind === CLIENT)!;
      assertEquals([server.traceId, server.parentSpanId], [GIVEN.trace, GIVEN.span]);
      assertEquals([client.traceId, client.parentSpanId], [GIVEN.trace, server.spanId]);
      assertEquals(seen, `00-${GIVEN.trace}-${client.spanId}-01`);
      assertEquals(attribute(client, "server.address"), origin.address);
      assertEquals([server, client].map((span) => Number(attribute(span, "http.response.status_code"))), [
        200,
        200,
      ]);
    },
  );
}

e2e("each attempt that fails is a client span that says why, in a trace of its own", async () => {
  await using traces = collector();
  const dead = deadAddress();
  await using proxy = simple(dead, ["--front", "tcp"], { env: traces.env });
  const headers = { traceparent: "00-nonsense", connection: "close" };
  const answer = await fetch(await ready(proxy), { headers });
  await answer.body?.cancel();
  assertEquals(answer.status, 502);
  const spans = await traces.spans(3);
  const clients = spans.filter(({ kind }) => kind === CLIENT);
  assertEquals(clients.map((span) => attribute(span, "error.type")), ["connect_failed", "connect_failed"]);
  assertEquals(clients.map(({ status }) => status.code), [2, 2]);
  assertEquals(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assertMatch(spans[0]!.traceId, /^[0-9a-f]{32}$/);
});
