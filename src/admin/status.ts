/**
 * Everything that the status page shows, as data.
 *
 * @module
 */
import type { Backend } from "../balance/backend.ts";
import type { AccessEntry } from "../observe/access_log.ts";
import type { Slot } from "../observe/timeline.ts";
import { SLOT } from "../observe/timeline.ts";
import { condition, type State } from "./condition.ts";
import type { Sampler } from "./sampler.ts";
import type { AdminSource, ShownModule, ShownRoute } from "./source.ts";

/** A backend. Times are in milliseconds. */
export interface BackendStatus {
  /** Its address. */
  readonly address: string;
  /** How it is. */
  readonly state: State;
  /** Whether it gets new requests. */
  readonly takesRequests: boolean;
  /** Why, where that is known. */
  readonly cause: string;
  /** How long its health has been as it is. */
  readonly forMs: number;
  /** The last active check. */
  readonly check: { readonly ok: boolean; readonly ms: number; readonly at: number } | null;
  /** Its share of the requests. */
  readonly weight: number;
  /** Requests under way. */
  readonly inFlight: number;
  /** Attempts made. */
  readonly requests: number;
  /** Attempts a second, of late. */
  readonly rate: number;
  /** Attempts that failed. */
  readonly failures: number;
  /** The share of them that failed, of late. */
  readonly failing: number;
  /** The median to the response's head; null before the first. */
  readonly p50: number | null;
  /** What one in a hundred exceeds. */
  readonly p99: number | null;
  /** Average latency of late, the oldest first. */
  readonly latencies: readonly number[];
  /** Times that it was ejected. */
  readonly ejections: number;
  /** For people. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A route with what its requests add up to. */
export interface RouteStatus extends ShownRoute {
  /** Requests that ended. */
  readonly requests: number;
  /** Those with a status of 500 or more. */
  readonly errors: number;
  /** Attempts after the first. */
  readonly retries: number;
  /** The median of their times; null before the first. */
  readonly p50: number | null;
  /** What one in a hundred exceeds. */
  readonly p99: number | null;
}

/** What a hook costs. */
export interface HookStatus {
  /** The hook. */
  readonly phase: string;
  /** Calls. */
  readonly calls: number;
  /** Those that failed. */
  readonly failures: number;
  /** How long one takes on average. */
  readonly meanMs: number;
}

/** A request that ended with a status of 500 or more. */
export type Failure = Pick<
  AccessEntry,
  "startedAt" | "method" | "host" | "target" | "status" | "flag" | "route" | "upstream" | "attempts" | "id"
>;

/** The state of a proxy. */
export interface Status {
  /** Versions. */
  readonly version: { readonly postern: string; readonly deno: string };
  /** When the process started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** When this was made. */
  readonly at: number;
  /** Whether it is stopping. */
  readonly draining: boolean;
  /** Memory of the process, in bytes. */
  readonly memory: number;
  /** The configuration: which it is, when it was taken over, and what kept the last one from being so. */
  readonly config: { readonly version: string; readonly since: number; readonly problem: string };
  /** Where it listens. */
  readonly listeners: readonly { readonly name: string; readonly address: string }[];
  /** All requests together; `perSecond` is of the last whole slot of the timeline. */
  readonly requests: {
    readonly total: number;
    readonly active: number;
    readonly perSecond: number;
    readonly errors: number;
    readonly clientAborts: number;
    readonly retries: number;
  };
  /** The last 15 minutes. */
  readonly timeline: readonly Slot[];
  /** The groups of upstreams. */
  readonly groups: readonly {
    readonly name: string;
    readonly inFlight: number;
    readonly backends: readonly BackendStatus[];
  }[];
  /** The routes. */
  readonly routes: readonly RouteStatus[];
  /** The hook modules. */
  readonly modules: readonly (Omit<ShownModule, "hooks"> & { readonly hooks: readonly HookStatus[] })[];
  /** The last failures, the newest first. */
  readonly failures: readonly Failure[];
}

/** The state of a proxy of that version. */
export function statusOf(source: AdminSource, sampler: Sampler, postern: string): Status {
  const { counters, metrics, reloads } = source;
  const timeline = metrics.timeline.slots();
  return {
    version: { postern, deno: Deno.version.deno },
    startedAt: source.startedAt,
    at: Date.now(),
    draining: source.draining,
    memory: Deno.memoryUsage().rss,
    config: { version: source.version, since: reloads.succeededAt, problem: reloads.problem },
    listeners: source.listeners,
    requests: {
      total: counters.requests,
      active: counters.active,
      perSecond: (timeline.at(-2)?.requests ?? 0) / (SLOT / 1_000),
      errors: counters.byClass[5]!,
      clientAborts: counters.clientGone,
      retries: counters.retries,
    },
    timeline,
    groups: source.groups.map(({ name, inFlight, backends }) => ({
      name,
      inFlight,
      backends: backends.map((backend) => backendStatus(backend, sampler)),
    })),
    routes: source.routes.map((route) => routeStatus(route, source)),
    modules: source.modules.map(({ hooks, ...module }) => ({
      ...module,
      hooks: hooks.map((phase) => hookStatus(module.name, phase, source)),
    })),
    failures: metrics.failures.map(failure).reverse(),
  };
}

function backendStatus(backend: Backend, sampler: Sampler): BackendStatus {
  const { rate, failing, latencies } = sampler.of(backend);
  const now = performance.now();
  const { lastCheck, times } = backend;
  return {
    address: backend.label,
    ...condition(backend, now),
    cause: backend.cause,
    forMs: now - backend.since,
    check: lastCheck === undefined
      ? null
      : { ok: lastCheck.cause === null, ms: lastCheck.ms, at: lastCheck.at },
    weight: backend.weight,
    inFlight: backend.inFlight,
    requests: backend.requests,
    rate,
    failures: backend.failures,
    failing,
    p50: times?.at(0.5) ?? null,
    p99: times?.at(0.99) ?? null,
    latencies,
    ejections: backend.outlier?.ejections ?? 0,
    labels: backend.labels,
  };
}

function routeStatus(route: ShownRoute, { metrics }: AdminSource): RouteStatus {
  const found = metrics.routes.get(route.name);
  return {
    ...route,
    requests: found?.requests ?? 0,
    errors: found?.errors ?? 0,
    retries: found?.retries ?? 0,
    p50: found?.times.at(0.5) ?? null,
    p99: found?.times.at(0.99) ?? null,
  };
}

function hookStatus(module: string, phase: string, { hooks }: AdminSource): HookStatus {
  const found = hooks.find((hook) => hook.module === module && hook.phase === phase);
  const { calls = 0, failures = 0 } = found ?? {};
  return { phase, calls, failures, meanMs: calls > 0 ? found!.durations.sum / calls : 0 };
}

function failure(entry: AccessEntry): Failure {
  const { startedAt, method, host, target, status, flag, route, upstream, attempts, id } = entry;
  return { startedAt, method, host, target, status, flag, route, upstream, attempts, id };
}
