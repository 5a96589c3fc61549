/**
 * Making a plan out of a configuration.
 *
 * @module
 */
import type { Hsts, ListenerOptions } from "../downstream/listener_options.ts";
import type { ProxyOptions } from "../proxy/hooks.ts";
import { listenerProblems } from "../proxy/listener_check.ts";
import { type RouteMatch, Router } from "../proxy/router.ts";
import { buildGroup } from "./build_group.ts";
import { fromFolder, isUrl } from "./files.ts";
import { type LoadedConfig, matchOf } from "./load.ts";
import type {
  Plan,
  PlannedAction,
  PlannedAdmin,
  PlannedGroup,
  PlannedHook,
  PlannedListener,
  PlannedLogs,
  PlannedRoute,
  PlannedRules,
} from "./plan.ts";
import { type Complaint, ConfigError, inOrder } from "./problem.ts";
import type { Config, ListenerConfig, RouteConfig } from "./schema.ts";

/**
 * The plan of a configuration. Reads the files that are named, but loads no module and opens no connection.
 *
 * @throws {ConfigError} that lists everything that cannot be used
 */
export async function buildPlan(loaded: LoadedConfig): Promise<Plan> {
  const { file, folder, config } = loaded;
  const complaints: Complaint[] = [];
  const groups = new Map<string, PlannedGroup>();
  for (const [name, group] of Object.entries(config.groups ?? {})) {
    try {
      groups.set(name, await buildGroup(name, group, folder));
    } catch (error) {
      complaints.push({ path: ["groups", name], isKey: true, found: (error as Error).message });
    }
  }
  const listeners = config.listeners.map((listener) => listenerOf(listener, folder));
  for (const [i, { options }] of listeners.entries()) {
    for (const found of listenerProblems(options)) complaints.push({ path: ["listeners", i], found });
  }
  const admin = await adminOf(config.admin, folder).catch((error) => {
    complaints.push({ path: ["admin", "tokenFile"], found: (error as Error).message });
    return undefined;
  });
  if (complaints.length > 0) {
    throw new ConfigError(file, inOrder(complaints.map((complaint) => loaded.locate(complaint))));
  }
  const matches = config.routes.map(matchOf);
  const names = namesOf(config.routes, matches);
  const routes = new Router(matches).order.map((index): PlannedRoute => ({
    name: names[index]!,
    index,
    place: `${file}:${loaded.locate({ path: ["routes", index], found: "" }).line}`,
    match: matches[index]!,
    ...routeOf(config.routes[index]!, config, groups, folder),
  }));
  return {
    file,
    listeners,
    groups,
    routes,
    router: new Router(routes.map(({ match }) => match)),
    admin,
    logs: logsOf(config.logs, folder),
    redis: config.redis && { prefix: "postern:", ...config.redis },
  };
}

function listenerOf(config: ListenerConfig, folder: string): PlannedListener {
  const { address, name = address, hsts, tls, ...rest } = config;
  const options: ListenerOptions = rest;
  if (tls !== undefined) {
    options.tls = tls.map(({ cert, key }) => ({
      cert: fromFolder(folder, cert),
      key: fromFolder(folder, key),
    }));
  }
  if (hsts) options.hsts = hstsOf(hsts === true ? {} : hsts);
  return { name, address, options };
}

/** A year, in milliseconds. */
const YEAR = 31_536_000_000;

function hstsOf({ maxAge = YEAR, ...rest }: Exclude<ListenerConfig["hsts"], boolean | undefined>): Hsts {
  return { maxAge: Math.round(maxAge / 1_000), ...rest };
}

function routeOf(
  own: RouteConfig,
  { defaults = {}, trustedProxies = [] }: Config,
  groups: ReadonlyMap<string, PlannedGroup>,
  folder: string,
): Pick<PlannedRoute, "action" | "options" | "rules"> {
  const route = { ...defaults, ...own };
  const options: ProxyOptions = { trustedProxies };
  if (route.retries !== undefined) options.retries = route.retries;
  if (route.timeout !== undefined) options.totalTimeout = route.timeout;
  if (route.clientBodyTimeout !== undefined) options.clientBodyTimeout = route.clientBodyTimeout;
  if (route.clientWriteTimeout !== undefined) options.clientWriteTimeout = route.clientWriteTimeout;
  if (route.maxBody !== undefined) options.maxRequestBody = route.maxBody;
  return { action: actionOf(route, groups), options, rules: rulesOf(route, folder) };
}

function actionOf(
  { to, respond, redirect }: RouteConfig,
  groups: ReadonlyMap<string, PlannedGroup>,
): PlannedAction {
  if (to !== undefined) return { kind: "proxy", group: groups.get(to)! };
  if (redirect !== undefined) return { kind: "redirect", status: 308, ...redirect };
  return { kind: "respond", status: 200, headers: {}, body: "", ...respond };
}

function rulesOf(route: RouteConfig, folder: string): PlannedRules {
  const { rewrite, headers, allow, deny, forwardAuth, cors, rateLimit } = route;
  const { basicAuth, jwt, compression, hooks } = route;
  const rules = {
    ...{ rewrite, headers, allow, deny, forwardAuth, cors, rateLimit },
    basicAuth: basicAuth && withFiles(basicAuth, folder, "file"),
    jwt: jwt && withFiles(withFiles(jwt, folder, "key"), folder, "jwks"),
    compression: compression === true ? {} : compression,
    hooks: hooks && hooks.map((hook) => hookOf(hook, folder)),
  };
  return Object.fromEntries(
    Object.entries(rules).filter(([, value]) => value !== undefined && value !== false),
  ) as PlannedRules;
}

/** The same with a file from where the command runs. */
function withFiles<T extends object>(holder: T, folder: string, key: keyof T): T {
  const file = holder[key];
  return typeof file === "string" && !isUrl(file) ? { ...holder, [key]: fromFolder(folder, file) } : holder;
}

function hookOf(
  { module, sandbox = true }: Exclude<RouteConfig["hooks"], false | undefined>[number],
  folder: string,
): PlannedHook {
  return {
    module: fromFolder(folder, module),
    sandbox: sandbox === false ? undefined : {
      ...{ workers: 1, fail: "closed", timeout: 1_000, memory: 128 * 1024 ** 2 },
      ...(sandbox === true ? {} : sandbox),
    },
  };
}

/** The names of the routes: their own, or what they match; told apart by a number where they are the same. */
function namesOf(routes: readonly RouteConfig[], matches: readonly RouteMatch[]): string[] {
  const taken = new Set(routes.map(({ name }) => name));
  return routes.map(({ name }, i) => {
    if (name !== undefined) return name;
    const { hosts = [], path = "/*", methods = [] } = matches[i]!;
    const base = `${methods.length > 0 ? `${methods.join(",")} ` : ""}${hosts[0] ?? ""}${path}`;
    let own = base;
    for (let n = 2; taken.has(own); n++) own = `${base} ${n}`;
    taken.add(own);
    return own;
  });
}

async function adminOf(config: Config["admin"], folder: string): Promise<PlannedAdmin | undefined> {
  if (config === undefined) return undefined;
  const { listen, token, tokenFile, hosts = [] } = config;
  if (tokenFile === undefined) return { listen, token, hosts };
  const text = (await Deno.readTextFile(fromFolder(folder, tokenFile))).trim();
  if (text.length < 16) throw new RangeError("its token has fewer than 16 characters");
  return { listen, token: text, hosts };
}

function logsOf({ level = "info", access = {} }: Config["logs"] = {}, folder: string): PlannedLogs {
  const { format = "common", file, status, ...rest } = access;
  return {
    level,
    access: {
      ...rest,
      format,
      ...(file === undefined ? {} : { file: fromFolder(folder, file) }),
      ...(status === undefined ? {} : { status: status.join(",") }),
    },
  };
}
