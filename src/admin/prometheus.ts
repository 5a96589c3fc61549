/**
 * The metrics in the text format of Prometheus, version 0.0.4.
 *
 * Labels hold names from the configuration, addresses of upstreams and statuses; nothing that a client can make up.
 *
 * @module
 */
import { BOUNDS, type Histogram } from "../observe/histogram.ts";
import { condition } from "./condition.ts";
import type { AdminSource } from "./source.ts";

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [labels: Labels, value: number];

/** What is published of the proxy of that version. */
export function prometheusText(source: AdminSource, postern: string): string {
  const text: string[] = [];
  const family = (name: string, type: "counter" | "gauge", help: string, samples: readonly Sample[]) => {
    if (samples.length === 0) return;
    text.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) text.push(`${name}${labelText(labels)} ${value}`);
  };
  const histogram = (name: string, help: string, samples: readonly (readonly [Labels, Histogram])[]) => {
    if (samples.length === 0) return;
    text.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
    for (const [labels, { counts, sum }] of samples) {
      let below = 0;
      for (const [i, count] of counts.entries()) {
        below += count;
        text.push(`${name}_bucket${labelText({ ...labels, le: BOUNDS[i] ?? "+Inf" })} ${below}`);
      }
      text.push(
        `${name}_sum${labelText(labels)} ${sum / 1_000}`,
        `${name}_count${labelText(labels)} ${below}`,
      );
    }
  };
  const { counters, groups, reloads, hooks } = source;
  const groupOf = new Map(source.routes.map(({ name, group }) => [name, group]));
  const routes = [...source.metrics.routes].map(([route, metrics]) => {
    const labels = { route, upstream: groupOf.get(route) ?? "" };
    return { labels, metrics };
  });
  const servers = groups.flatMap(({ name, backends }) =>
    backends.map((backend) => ({ labels: { upstream: name, server: backend.label }, backend }))
  );

  family(
    "proxy_requests_total",
    "counter",
    "Requests that ended.",
    routes.flatMap(({ labels, metrics }) =>
      [...metrics.series.values()].map(({ listener, method, status, count }): Sample => [
        { listener, ...labels, code: status, method },
        count,
      ])
    ),
  );
  family("proxy_requests_in_flight", "gauge", "Requests being worked on.", [[{}, counters.active]]);
  histogram(
    "proxy_request_duration_seconds",
    "From a request's arrival to the last byte of its answer.",
    routes.map(({ labels, metrics }) => [labels, metrics.durations]),
  );
  family(
    "proxy_request_body_bytes_total",
    "counter",
    "Bytes of requests' bodies.",
    routes.map(({ labels, metrics }) => [labels, metrics.bytesReceived]),
  );
  family(
    "proxy_response_body_bytes_total",
    "counter",
    "Bytes of responses' bodies.",
    routes.map(({ labels, metrics }) => [labels, metrics.bytesSent]),
  );
  family(
    "proxy_client_aborts_total",
    "counter",
    "Requests whose client left before the answer was complete.",
    routes.map(({ labels, metrics }) => [labels, metrics.clientAborts]),
  );
  family(
    "proxy_retries_total",
    "counter",
    "Attempts after the first.",
    routes.map(({ labels, metrics }) => [labels, metrics.retries]),
  );
  histogram(
    "proxy_upstream_connect_seconds",
    "Opening a connection to an upstream, TLS included.",
    routes.map(({ labels, metrics }) => [labels, metrics.connects]),
  );
  family("proxy_upstream_connections_total", "counter", "Connections to upstreams that were opened.", [[
    {},
    counters.connects,
  ]]);
  family("proxy_upstream_connections_idle", "gauge", "Connections to upstreams that are unused.", [[
    {},
    source.idleConnections,
  ]]);
  family(
    "proxy_upstream_up",
    "gauge",
    "Whether an upstream gets requests.",
    servers.map(({ labels, backend }) => [labels, condition(backend).takesRequests ? 1 : 0]),
  );
  family(
    "proxy_upstream_requests_in_flight",
    "gauge",
    "Requests that an upstream is working on.",
    servers.map(({ labels, backend }) => [labels, backend.inFlight]),
  );
  family(
    "proxy_upstream_attempts_total",
    "counter",
    "Attempts made on an upstream.",
    servers.map(({ labels, backend }) => [labels, backend.requests]),
  );
  family(
    "proxy_upstream_failures_total",
    "counter",
    "Attempts that an upstream failed, or answered with a status of 500 or more.",
    servers.map(({ labels, backend }) => [labels, backend.failures]),
  );
  histogram(
    "proxy_hook_duration_seconds",
    "How long a hook took.",
    hooks.map(({ module, phase, durations }) => [{ hook: module, phase }, durations]),
  );
  family(
    "proxy_hook_errors_total",
    "counter",
    "Calls of a hook that failed.",
    hooks.map(({ module, phase, failures }) => [{ hook: module, phase }, failures]),
  );
  family("proxy_config_reloads_total", "counter", "Times that the configuration was loaded.", [
    [{ result: "success" }, reloads.succeeded],
    [{ result: "failure" }, reloads.failed],
  ]);
  family(
    "proxy_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration was last taken over.",
    [[{}, reloads.succeededAt / 1_000]],
  );
  family("proxy_build_info", "gauge", "Versions.", [[{ version: postern, deno: Deno.version.deno }, 1]]);
  family("process_start_time_seconds", "gauge", "When the process started.", [[
    {},
    source.startedAt / 1_000,
  ]]);
  family("process_resident_memory_bytes", "gauge", "Memory of the process.", [[
    {},
    Deno.memoryUsage().rss,
  ]]);
  return `${text.join("\n")}\n`;
}

function labelText(labels: Labels): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return "";
  return `{${entries.map(([name, value]) => `${name}="${escaped(String(value))}"`).join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
