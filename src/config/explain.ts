/**
 * What would become of a request, and why.
 *
 * @module
 */
import { normalTarget } from "../downstream/target.ts";
import { type RoutedFields, type RouteMatch, Router } from "../proxy/router.ts";
import { parseAddress } from "../upstream/address.ts";
import { sentRequest } from "./sent.ts";
import type { Plan, PlannedAction, PlannedListener, PlannedRoute } from "./plan.ts";

/** A request to explain. */
export interface Asked {
  /** The method. */
  readonly method: string;
  /** Where it goes, with scheme and host. */
  readonly url: URL;
  /** Its header fields; `host` instead of that of the URL. */
  readonly headers: Headers;
}

/** The most routes that are said to be passed over. */
const MOST_PASSED = 10;

/**
 * Which listener and which route get a request, which routes ahead of it do not and why, and what the route does.
 *
 * @throws {ProxyError} when the target of the URL would be refused
 */
export function explain(plan: Plan, { method, url, headers }: Asked): string {
  const host = headers.get("host") ?? url.host;
  const target = normalTarget(url.pathname + url.search);
  const listener = listenerFor(plan, url);
  const found = plan.router.find(host, target, method, headers, listener?.name ?? "");
  const lines = [
    ["request", `${method} ${url.protocol}//${host}${target}`],
    [
      "listener",
      listener === undefined
        ? `none has the scheme ${url.protocol.slice(0, -1)} and that port; as if by none`
        : `${listener.name} (${listener.address})`,
    ],
  ];
  const route = plan.routes[found];
  const ahead = plan.routes.slice(0, found < 0 ? undefined : found);
  const ofHost = ahead.filter(({ match: { hosts } }) =>
    hosts === undefined || new Router([{ hosts }]).find(host, target, method, headers, "") === 0
  );
  for (const other of ofHost.slice(0, MOST_PASSED)) {
    const why = mismatch(other.match, target, method, headers, listener?.name ?? "");
    lines.push(["passed over", `${other.name} (${other.place}): ${why}`]);
  }
  const rest = ofHost.length - MOST_PASSED;
  if (rest > 0) lines.push(["passed over", `${rest} more`]);
  const others = ahead.length - ofHost.length;
  if (others > 0) lines.push(["passed over", `${others} for other hosts`]);
  if (route === undefined) lines.push(["route", "none matches; the answer is 404"]);
  else {
    lines.push(...routeLines(route));
    const scheme = url.protocol.slice(0, -1);
    const sent = route.action.kind === "proxy"
      ? sentRequest(route, { method, target, host, scheme, headers })
      : [];
    for (const [i, line] of sent.entries()) lines.push([i === 0 ? "sent" : "", line]);
  }
  const width = Math.max(...lines.map(([label]) => label!.length));
  return lines.map(([label, text]) => `${label!.padEnd(width)}  ${text}`).join("\n");
}

function routeLines({ name, place, match, action, options, rules }: PlannedRoute): string[][] {
  const { hooks = [], ...others } = rules;
  const lines = [["route", `${name} (${place}): ${matchText(match)}`]];
  for (const [rule, settings] of Object.entries(others)) lines.push([rule, brief(settings)]);
  for (const { module, sandbox } of hooks) {
    lines.push(["hooks", `${module}${sandbox === undefined ? "" : ", in a sandbox"}`]);
  }
  lines.push([action.kind === "proxy" ? "upstream" : "answer", actionText(action)]);
  const { trustedProxies: _, ...limits } = options;
  if (Object.keys(limits).length > 0) lines.push(["limits", brief(limits)]);
  return lines;
}

/** What becomes of a route's requests, in words. */
export function actionText(action: PlannedAction): string {
  switch (action.kind) {
    case "respond":
      return `${action.status}, ${action.body.length} characters, by the route itself`;
    case "redirect":
      return `${action.status} to ${action.to}`;
    case "proxy": {
      const { name, balancer } = action.group;
      const members = balancer.backends.map(({ label, weight }) =>
        weight === 1 ? label : `${label} (weight ${weight})`
      );
      return `group ${name}: ${members.join(", ") || "what its discovery finds"}`;
    }
  }
}

/** The listener that a URL leads to, by scheme and port; of several, the first. */
function listenerFor({ listeners }: Plan, url: URL): PlannedListener | undefined {
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const ofScheme = listeners.filter(({ options }) =>
    (options.tls !== undefined) === (url.protocol === "https:")
  );
  return ofScheme.find(({ address }) => {
    const parsed = parseAddress(address);
    return parsed.transport === "tcp" && parsed.port === port;
  }) ?? (url.port === "" ? ofScheme[0] : undefined);
}

/** The conditions of a route in words. */
export function matchText({ hosts, path, methods, headers, listener }: RouteMatch): string {
  const parts = [
    hosts && `host ${hosts.join(" or ")}`,
    path && `path ${path}`,
    methods && `method ${methods.join(" or ")}`,
    ...Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    listener && `listener ${listener}`,
  ];
  return parts.filter((part) => part !== undefined).join(", ") || "every request";
}

/** The first condition of a route, beside its host, that a request does not meet. */
function mismatch(
  { path, methods, headers: fields = {}, listener: by }: RouteMatch,
  target: string,
  method: string,
  headers: RoutedFields,
  listener: string,
): string {
  const holds = (part: RouteMatch) => new Router([part]).find("", target, method, headers, listener) === 0;
  if (path && !holds({ path })) return `the path is not ${path}`;
  if (methods && !holds({ methods })) return `the method is not ${methods.join(" or ")}`;
  for (const [name, value] of Object.entries(fields)) {
    if (holds({ headers: { [name]: value } })) continue;
    return `${name} is ${headers.get(name) ?? "missing"}, not ${value}`;
  }
  return `it is for the listener ${by}`;
}

/** Settings in a line; names and secrets of users are left out. */
function brief(settings: unknown): string {
  const text = JSON.stringify(
    settings,
    (key, value) => key === "users" ? `(${Object.keys(value).length})` : value,
  );
  if (text === "{}") return "with its defaults";
  return text.replaceAll('"', "").replace(/^[{[]|[}\]]$/g, "").replaceAll(/([:,])(?=[^/\s])/g, "$1 ");
}
