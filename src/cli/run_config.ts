/**
 * `run -c`: a configuration file as a proxy, until a signal.
 *
 * @module
 */
import type { LevelName } from "@std/log";
import { type ConfigNeed, notGranted } from "../config/config_needs.ts";
import type { LoadedConfig } from "../config/load.ts";
import { hookKey, type Plan, type PlannedListener, type PlannedRoute } from "../config/plan.ts";
import { type Complaint, ConfigError, inOrder, problemText } from "../config/problem.ts";
import { routeModule } from "../config/route_module.ts";
import type { Front, FrontRequest } from "../downstream/front.ts";
import { serve } from "../downstream/serve.ts";
import { listenTcp } from "../downstream/tcp/listen.ts";
import { sleep } from "../http/sleep.ts";
import type { ProxyModule } from "../proxy/hooks.ts";
import { Proxy } from "../proxy/proxy.ts";
import { formatAddress, parseAddress } from "../upstream/address.ts";
import type { Loaded } from "./loaded.ts";
import { type Logs, setupLogs } from "./logs.ts";
import { cannotListen } from "./run.ts";
import { stopSignal } from "./signals.ts";
import { VERSION } from "./version.ts";

/** Requests under way get this long to finish when the proxy is stopped, in milliseconds. */
const DRAIN = 10_000;
/** Requests that were ended get this long for their answers to be sent, in milliseconds. */
const LAST_WORDS = 1_000;

/** A configuration with its hook modules, ready to be run. */
export interface Runnable {
  /** The file. */
  readonly loaded: LoadedConfig;
  /** What it comes to. */
  readonly plan: Plan;
  /** What has to be granted. */
  readonly needs: readonly ConfigNeed[];
  /** Its hook modules, by {@linkcode hookKey}. */
  readonly modules: ReadonlyMap<string, Loaded>;
}

/**
 * Runs a configuration until a signal; the exit code.
 *
 * @throws {ConfigError} when it needs what is not granted, or what cannot be run yet
 */
export async function runConfig({ loaded, plan, needs, modules }: Runnable): Promise<number> {
  const { file, warnings } = loaded;
  const complaints = [...notGranted(needs), ...notYet(plan, loaded)];
  if (complaints.length > 0) {
    throw new ConfigError(file, inOrder(complaints.map((complaint) => loaded.locate(complaint))));
  }
  const { level, access } = plan.logs;
  const logs = setupLogs(level.toUpperCase() as LevelName, access.format);
  for (const warning of warnings) logs.say(problemText(file, warning));
  const proxies: Proxy[] = [];
  for (const route of plan.routes) proxies.push(new Proxy(await moduleOf(route, modules), logs.onEnd));
  // Answers what no route is for with 404, and runs the services of the groups, which routes may share.
  const rest = new Proxy(
    { backgroundServices: [...plan.groups.values()].flatMap(({ services }) => services) },
    logs.onEnd,
  );
  const all = [...proxies, rest];
  const handlerOf = ({ name }: PlannedListener) => (request: FrontRequest) => {
    const { host, target, method, headers } = request;
    return (proxies[plan.router.find(host, target, method, headers, name)] ?? rest).handle(request);
  };
  const fronts: Front[] = [];
  for (const listener of plan.listeners) {
    const address = parseAddress(listener.address);
    try {
      const front = listener.options.front === "tcp"
        ? listenTcp(address, handlerOf(listener), listener.options)
        : serve(address, handlerOf(listener));
      fronts.push(front);
    } catch (error) {
      logs.say(`error: ${cannotListen(listener.address, error)}`);
      await stop(fronts, all, 0);
      await logs.flush();
      return 1;
    }
  }
  for (const proxy of all) proxy.start();
  report(plan, fronts, logs);
  const signal = await stopSignal();
  const active = all.reduce((sum, { counters }) => sum + counters.active, 0);
  logs.say(`${signal}: finishing ${active} requests, a second signal ends at once`);
  if (!await stop(fronts, all, DRAIN)) logs.say(`closed what was left after ${DRAIN / 1000} s`);
  await logs.flush();
  return 0;
}

/** What is planned but cannot be run yet: to run without it would be worse than not to run. */
function notYet({ listeners, routes, admin, redis, logs }: Plan, { config }: LoadedConfig): Complaint[] {
  const found = "cannot be run yet";
  const of = (path: Complaint["path"], value: unknown): Complaint[] =>
    value === undefined ? [] : [{ path, isKey: true, found }];
  return [
    ...listeners.flatMap(({ reusePort, redirectHttp, hsts }, i) => [
      ...of(["listeners", i, "reusePort"], reusePort || undefined),
      ...of(["listeners", i, "redirectHttp"], redirectHttp),
      ...of(["listeners", i, "hsts"], hsts),
    ]),
    ...routes.flatMap(({ index, action, rules: { hooks = [], ...rules } }) => [
      ...of(["routes", index, "redirect"], action.kind === "redirect" ? action : undefined),
      ...Object.entries(rules).flatMap(([rule, settings]) => of(["routes", index, rule], settings)),
      ...of(["routes", index, "hooks", 1], hooks[1]),
    ]),
    ...Object.entries(config.groups ?? {}).flatMap(([name, { protocol = "http1" }]) =>
      of(["groups", name, "protocol"], protocol === "http1" ? undefined : protocol)
    ),
    ...Object.entries(logs.access).flatMap(([key, value]) =>
      of(["logs", "access", key], key === "format" ? undefined : value)
    ),
    ...of(["admin"], admin),
    ...of(["redis"], redis),
  ];
}

/** The module of a route, with the hooks of its hook module, if it has one. */
async function moduleOf(route: PlannedRoute, modules: ReadonlyMap<string, Loaded>): Promise<ProxyModule> {
  const own = routeModule(route)!;
  const hook = route.rules.hooks?.[0];
  if (hook === undefined) return own;
  const theirs = await modules.get(hookKey(hook))!.start();
  const { requestFilter, responseFilter } = own;
  const module: ProxyModule = { ...own, ...theirs, options: own.options! };
  if (requestFilter !== undefined && theirs.requestFilter !== undefined) {
    module.requestFilter = async (session, context) =>
      await theirs.requestFilter!(session, context) ?? await requestFilter(session, context);
  }
  if (responseFilter !== undefined && theirs.responseFilter !== undefined) {
    module.responseFilter = async (session, response, context) => {
      await theirs.responseFilter!(session, response, context);
      await responseFilter(session, response, context);
    };
  }
  return module;
}

function report({ file, listeners, groups, routes }: Plan, fronts: readonly Front[], logs: Logs): void {
  logs.say(`postern ${VERSION} (deno ${Deno.version.deno}), ${file}`);
  for (const [i, { name, address, options }] of listeners.entries()) {
    const { addr } = fronts[i]!;
    const at = addr.transport === "tcp"
      ? formatAddress(addr as Deno.NetAddr & { transport: "tcp" })
      : address;
    const scheme = at.startsWith("unix:") ? "" : options.tls === undefined ? "http://" : "https://";
    logs.say(`listening ${scheme}${at}${name === address ? "" : ` as ${name}`}`);
  }
  for (const { name, balancer } of groups.values()) {
    logs.say(`group ${name}: ${balancer.backends.map(({ label }) => label).join(", ") || "to be found"}`);
  }
  logs.say(
    `routes ${routes.map(({ name }) => name).slice(0, 20).join(", ")}${routes.length > 20 ? ", ..." : ""}`,
  );
  logs.say(`ready in ${Math.round(performance.now())} ms`);
}

/** Stops accepting, lets requests finish for up to `drain` milliseconds, then ends them; whether all finished in time. */
async function stop(fronts: readonly Front[], proxies: readonly Proxy[], drain: number): Promise<boolean> {
  const over = Promise.all(fronts.map((front) => front.shutdown()))
    .then(() => Promise.all(proxies.map((proxy) => proxy.idle())));
  const drained = await within(over, drain);
  if (!drained) {
    for (const proxy of proxies) proxy.abort();
    await within(over, LAST_WORDS);
    for (const front of fronts) void front.close();
  }
  await Promise.all(proxies.map((proxy) => proxy.close()));
  return drained;
}

async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const done = new AbortController();
  const inTime = promise.then(() => true);
  const result = await Promise.race([inTime, sleep(ms, done.signal).then(() => false)]);
  done.abort();
  return result;
}
