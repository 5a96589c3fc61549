/**
 * Traces by Deno's OpenTelemetry (`OTEL_DENO=true`): a span for each request, and one for each attempt at an upstream.
 *
 * Spans have the names and attributes of OpenTelemetry's conventions for HTTP; the context travels in `traceparent`, W3C Trace
 * Context.
 *
 * @module
 */
import type { Attributes, Span } from "@opentelemetry/api";
import type { ProxyError } from "../http/errors.ts";
import type { HeaderList } from "../http/headers.ts";

/** What a span for a request is made from. */
export interface TracedRequest {
  /** The method. */
  readonly method: string;
  /** The target. */
  readonly target: string;
  /** The Host. */
  readonly host: string;
  /** `http` or `https`. */
  readonly scheme: string;
  /** The fields. */
  readonly headers: HeaderList;
  /** The client's address. */
  readonly clientAddress: string;
}

/** The span of an attempt. */
export interface AttemptTrace {
  /** Has the upstream told of it in the fields of its request. */
  tell(headers: HeaderList): void;
  /** The response's head came. */
  answered(status: number): void;
  /** It is over, with what it failed with or null. */
  end(error: ProxyError | null): void;
}

/** The span of a request. */
export interface RequestTrace {
  /** Begins the span of an attempt, the first of which is number 1. */
  attempt(upstream: string, count: number): AttemptTrace;
  /** It is over, with that status. */
  end(status: number, error: ProxyError | null): void;
}

/** Begins the spans of requests. */
export type Tracing = (request: TracedRequest, route: string) => RequestTrace;

/** Traces, if Deno's OpenTelemetry is on; off, they cost nothing. */
export async function startTracing(): Promise<Tracing | undefined> {
  const tracer = Deno.telemetry.tracerProvider.getTracer("postern");
  try {
    // Throws when it is off.
    tracer.startSpan("probe");
  } catch {
    return undefined;
  }
  const { context, SpanKind, SpanStatusCode, trace } = await import("@opentelemetry/api");
  const fail = (span: Span, error: ProxyError) => {
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.setAttribute("error.type", error.type);
  };
  return ({ method, target, host, scheme, headers, clientAddress }, route) => {
    const at = target.indexOf("?");
    const attributes: Attributes = {
      "http.request.method": method,
      "url.scheme": scheme,
      "url.path": at < 0 ? target : target.slice(0, at),
      "server.address": host,
      "client.address": clientAddress,
      ...(route === "" ? {} : { "http.route": route }),
    };
    const name = route === "" ? method : `${method} ${route}`;
    // Deno.serve has begun one.
    const given = trace.getActiveSpan();
    const parent = parentOf(headers.get("traceparent"));
    const outer = parent === undefined ? context.active() : trace.setSpanContext(context.active(), parent);
    const span = given ?? tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, outer);
    given?.updateName(name);
    given?.setAttributes(attributes);
    const inner = trace.setSpan(outer, span);
    return {
      attempt(upstream, count) {
        const attempt = tracer.startSpan(method, {
          kind: SpanKind.CLIENT,
          attributes: {
            "http.request.method": method,
            "server.address": upstream,
            ...(count > 1 ? { "http.request.resend_count": count - 1 } : {}),
          },
        }, inner);
        return {
          tell(headers) {
            const { traceId, spanId, traceFlags } = attempt.spanContext();
            headers.set("traceparent", `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`);
          },
          answered: (status) => void attempt.setAttribute("http.response.status_code", status),
          end(error) {
            if (error !== null) fail(attempt, error);
            attempt.end();
          },
        };
      },
      end(status, error) {
        span.setAttribute("http.response.status_code", status);
        if (error !== null && status >= 500) fail(span, error);
        if (given === undefined) span.end();
      },
    };
  };
}

/** The context that a client sent, if it is well formed and of the version that is known. */
function parentOf(header: string | null) {
  const match = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(header ?? "");
  if (match === null || /^0+$/.test(match[1]!) || /^0+$/.test(match[2]!)) return undefined;
  return { traceId: match[1]!, spanId: match[2]!, traceFlags: parseInt(match[3]!, 16), isRemote: true };
}
