/**
 * A configuration with every default filled in.
 *
 * @module
 */
import { stringify } from "@std/yaml";
import { circuitBreakerRules } from "../balance/circuit_breaker.ts";
import { healthCheckRules } from "../balance/health_options.ts";
import { outlierRules } from "../balance/outlier.ts";
import { limitsOf } from "../downstream/tcp/limits.ts";
import { optionsOf } from "../proxy/options.ts";
import { DEFAULT_TIMEOUTS } from "../upstream/peer.ts";
import type { Plan, PlannedListener, PlannedRoute, PlannedRules } from "./plan.ts";
import type { Config, GroupConfig } from "./schema.ts";

/**
 * The effective configuration as YAML: routes in the order in which they are preferred, with what `defaults` gave them;
 * durations in milliseconds, sizes in bytes, rates for a second. Secrets are left out.
 */
export function effectiveText(config: Config, plan: Plan): string {
  return stringify(effective(config, plan), { skipInvalid: true, useAnchors: false, lineWidth: 110 });
}

/** The same as data. */
export function effective(config: Config, plan: Plan): object {
  const { admin, logs, redis } = plan;
  return {
    listeners: plan.listeners.map(listenerOf),
    groups: Object.fromEntries(
      Object.entries(config.groups ?? {}).map(([name, group]) => [name, groupOf(group)]),
    ),
    routes: plan.routes.map(routeOf),
    ...(admin === undefined ? {} : { admin: { ...admin, token: hidden(admin.token) } }),
    logs,
    trustedProxies: config.trustedProxies ?? [],
    ...(redis === undefined ? {} : { redis: { ...redis, url: redis.url.replace(/\/\/[^@/]*@/, "//...@") } }),
  };
}

/** What stands for a secret. */
const HIDDEN = "(set)";

function hidden(secret: unknown): string | undefined {
  return secret === undefined ? undefined : HIDDEN;
}

function listenerOf({ options, ...listener }: PlannedListener): object {
  const { front = "serve" } = options;
  if (front === "serve") return { ...listener, front, ...options };
  // No limit is written as 0.
  const limits = Object.entries(limitsOf(options)).map((
    [name, limit],
  ) => [name, limit === Infinity ? 0 : limit]);
  return { ...listener, front, ...options, ...Object.fromEntries(limits) };
}

function groupOf(group: GroupConfig): object {
  const { outlier, breaker, timeouts, check, sticky } = group;
  return {
    members: [],
    policy: "roundRobin",
    ...{ protocol: "http1", maxIdle: 128, slowStart: 0, panic: 0, trustNew: false },
    queue: { size: 100, timeout: 1_000, ...group.queue },
    retryBudget: { share: 0.2, perSecond: 10, ...group.retryBudget },
    ...group,
    timeouts: { ...DEFAULT_TIMEOUTS, ...timeouts },
    check: check === false ? false : checkOf(check),
    ...(outlier === undefined ? {} : { outlier: outlierRules(outlier) }),
    ...(breaker === undefined ? {} : { breaker: circuitBreakerRules(breaker) }),
    ...(sticky === undefined ? {} : { sticky: { ...sticky, secret: hidden(sticky.secret) } }),
  };
}

function checkOf(given: Exclude<GroupConfig["check"], false> = {}): object {
  const { http, tcp: _, ...options } = given;
  const { check: __, timeout, ...rules } = healthCheckRules(options);
  const how = http === undefined
    ? { tcp: {} }
    : { http: { method: "GET", path: "/", expect: "200-399", ...http } };
  return { ...how, ...rules, timeout: options.timeout ?? (http === undefined ? timeout : 2_000) };
}

function routeOf({ name, place, match, action, options, rules }: PlannedRoute): object {
  const { basicAuth } = rules;
  const users = basicAuth?.users &&
    Object.fromEntries(Object.keys(basicAuth.users).map((user) => [user, HIDDEN]));
  const { trustedProxies: _, allowTrace: __, ...limits } = optionsOf(options);
  return {
    name,
    place,
    match,
    ...(action.kind === "proxy"
      ? { to: action.group.name }
      : { [action.kind]: { ...action, kind: undefined } }),
    ...limits,
    ...rules,
    ...(rules.headers === undefined ? {} : { headers: withoutSecrets(rules.headers) }),
    ...(basicAuth === undefined ? {} : { basicAuth: { ...basicAuth, users } }),
  };
}

/** Names of fields whose values are likely to be nobody's business. */
const SECRET = /authorization|cookie|token|secret|password|key/i;

/** Header edits without the values of fields that are likely to be secret. */
function withoutSecrets(edits: NonNullable<PlannedRules["headers"]>): object {
  return JSON.parse(
    JSON.stringify(edits, (name, value) => typeof value === "string" && SECRET.test(name) ? HIDDEN : value),
  );
}
