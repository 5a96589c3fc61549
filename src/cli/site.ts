/**
 * A configuration that runs, and can be changed for another while it does.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { AdminSource, Reloads, ShownModule, ShownRoute } from "../admin/source.ts";
import type { LoadBalancer } from "../balance/load_balancer.ts";
import { effective } from "../config/effective.ts";
import { actionText, matchText } from "../config/explain.ts";
import { hookKey, type Plan, type PlannedGroup, type PlannedRoute } from "../config/plan.ts";
import type { AccessEntry } from "../observe/access_log.ts";
import type { Counters } from "../observe/counters.ts";
import type { HookMetrics } from "../observe/hook_metrics.ts";
import { Metrics } from "../observe/metrics.ts";
import type { Tracing } from "../observe/tracing.ts";
import type { BackgroundService, ProxyModule } from "../proxy/hooks.ts";
import { Listeners } from "../proxy/listeners.ts";
import { optionsOf } from "../proxy/options.ts";
import { Proxy } from "../proxy/proxy.ts";
import type { Route, Routes } from "../proxy/routes.ts";
import { stop } from "../proxy/stop.ts";
import { timedHooks } from "../rules/timed_hooks.ts";
import type { Loaded } from "./loaded.ts";
import { routeParts, type Stores } from "./route_parts.ts";
import { compose } from "../rules/compose.ts";
import type { Runnable } from "./runnable.ts";

/** What answers where no route is for a request, with 404. */
const NO_ROUTE: Route = { name: "", module: {} };

/** The hooks of a module that is in use. */
interface Hooks {
  readonly loaded: Loaded;
  readonly module: ProxyModule;
  readonly metrics: readonly HookMetrics[];
}

/** A running configuration. */
export class Site implements AdminSource {
  readonly startedAt: number = Date.now() - performance.now();
  readonly metrics: Metrics = new Metrics();
  draining = false;
  readonly #proxy: Proxy;
  readonly #listeners: Listeners;
  readonly #stores: Stores;
  readonly #reload: () => Promise<string | undefined>;
  #runnable: Runnable;
  #groups: ReadonlyMap<string, PlannedGroup> = new Map();
  #hooks: ReadonlyMap<string, Hooks> = new Map();
  #reloads: Reloads = { succeeded: 0, failed: 0, succeededAt: 0, problem: "" };

  /**
   * Makes ready; {@linkcode Site.use} starts it.
   *
   * @param reload Loads the configuration again; what was wrong with it, or undefined.
   */
  constructor(
    runnable: Runnable,
    stores: Stores,
    reload: () => Promise<string | undefined>,
    observers: { onEnd: ((entry: AccessEntry) => void) | undefined; tracing: Tracing | undefined },
  ) {
    const { onEnd, tracing } = observers;
    this.#runnable = runnable;
    this.#stores = stores;
    this.#reload = reload;
    this.#proxy = new Proxy({ routes: [NO_ROUTE], find: () => 0 }, {
      tracing,
      onEnd: onEnd === undefined ? (entry) => this.metrics.add(entry) : (entry) => {
        this.metrics.add(entry);
        onEnd(entry);
      },
    });
    this.#listeners = new Listeners((request, listener) => this.#proxy.handle(request, listener));
  }

  /**
   * Goes on with this configuration. Requests under way finish with the one before; groups that are the same stay, and what
   * is known of backends that are in both as well; connections to upstreams stay.
   *
   * @throws {Error} that says what cannot be used; then nothing has changed
   */
  async use(runnable: Runnable): Promise<void> {
    const { plan } = runnable;
    const groups = this.#groupsOf(runnable);
    for (const { options } of plan.routes) optionsOf(options);
    const hooks = await this.#startHooks(runnable);
    let routes: Routes;
    try {
      const moduleOf = (key: string) => hooks.get(key)!.module;
      routes = await this.#routesOf(plan, groups, moduleOf);
      this.#listeners.replace(plan.listeners);
    } catch (error) {
      await this.#endHooks(hooks);
      throw error;
    }
    const gone: BackgroundService[] = [];
    for (const [name, before] of this.#groups) {
      const group = groups.get(name);
      if (group === before) continue;
      if (group !== undefined) takeOver(group, before);
      // Its checks and its discovery would go on to change what is another's now.
      gone.push(...before.services);
    }
    this.#runnable = runnable;
    this.#groups = groups;
    this.#hooks = hooks;
    this.metrics.keep(new Set(routes.routes.map(({ name }) => name)));
    this.#reloads = {
      ...this.#reloads,
      succeeded: this.#reloads.succeeded + 1,
      succeededAt: Date.now(),
      problem: "",
    };
    // Resolves when the requests of the configuration before are over, which may take hours.
    void this.#proxy.replace(routes);
    void this.#proxy.endServices(gone);
  }

  /** Remembers why a configuration could not be used. */
  refuse(problem: string): void {
    this.#reloads = { ...this.#reloads, failed: this.#reloads.failed + 1, problem };
  }

  /** Stops accepting, lets requests finish for up to `drain` milliseconds, then ends them; whether all finished in time. */
  async stop(drain: number): Promise<boolean> {
    this.draining = true;
    return await stop(this.#proxy, this.#listeners.fronts, drain);
  }

  get plan(): Plan {
    return this.#runnable.plan;
  }

  get counters(): Counters {
    return this.#proxy.counters;
  }

  get idleConnections(): number {
    return this.#proxy.idleConnections;
  }

  get listeners(): Listeners["addresses"] {
    return this.#listeners.addresses;
  }

  get groups(): readonly LoadBalancer[] {
    return [...this.#groups.values()].map(({ balancer }) => balancer);
  }

  get routes(): readonly ShownRoute[] {
    return this.plan.routes.map((route) => ({
      name: route.name,
      match: matchText(route.match),
      action: actionText(route.action),
      group: route.action.kind === "proxy" ? route.action.group.name : "",
    }));
  }

  get modules(): readonly ShownModule[] {
    return [...this.#hooks.values()].map(({ loaded, metrics }) => ({
      name: loaded.name,
      hooks: metrics.map(({ phase }) => phase),
      sandboxed: loaded.sandboxed,
      net: loaded.module.net ?? [],
      permissions: Object.entries(loaded.module.permissions ?? {}).map(([kind, list]) => `${kind}=${list}`),
    }));
  }

  get hooks(): readonly HookMetrics[] {
    return [...this.#hooks.values()].flatMap(({ metrics }) => metrics);
  }

  get reloads(): Reloads {
    return this.#reloads;
  }

  get config(): unknown {
    return effective(this.#runnable.loaded.config, this.plan);
  }

  get version(): string {
    return createHash("sha256").update(this.#runnable.loaded.text).digest("hex").slice(0, 12);
  }

  reload(): Promise<string | undefined> {
    return this.#reload();
  }

  /** The groups of a configuration; those that say the same as the present ones are these. */
  #groupsOf({ plan, loaded }: Runnable): Map<string, PlannedGroup> {
    const before = this.#runnable.loaded.config.groups ?? {};
    const after = loaded.config.groups ?? {};
    return new Map(
      [...plan.groups].map(([name, group]) => {
        const isSame = JSON.stringify(before[name]) === JSON.stringify(after[name]);
        return [name, isSame ? this.#groups.get(name) ?? group : group];
      }),
    );
  }

  async #startHooks({ modules }: Runnable): Promise<Map<string, Hooks>> {
    const hooks = new Map<string, Hooks>();
    try {
      for (const [key, loaded] of modules) {
        const known = this.#hooks.get(key);
        // A module in this thread stays as it was loaded first.
        const started = known !== undefined && !loaded.sandboxed ? undefined : await loaded.start();
        const hook = started === undefined
          ? known!
          : { loaded, ...timedHooks(loaded.name, started, known?.metrics) };
        hooks.set(key, hook);
      }
      return hooks;
    } catch (error) {
      await this.#endHooks(hooks);
      throw error;
    }
  }

  /** Ends the workers of modules that will not be used after all. */
  async #endHooks(hooks: ReadonlyMap<string, Hooks>): Promise<void> {
    for (const hook of hooks.values()) {
      if ([...this.#hooks.values()].includes(hook) || !hook.loaded.sandboxed) continue;
      for (const service of hook.module.backgroundServices ?? []) await service.run(AbortSignal.abort());
    }
  }

  async #routesOf(
    plan: Plan,
    groups: ReadonlyMap<string, PlannedGroup>,
    moduleOf: (key: string) => ProxyModule,
  ): Promise<Routes> {
    const services = [...groups.values()].flatMap(({ services }) => [...services]);
    const routes = await Promise.all(
      plan.routes.map(async (planned): Promise<Route> => {
        const route = withGroup(planned, groups);
        const hooks = (planned.rules.hooks ?? []).map((hook) => moduleOf(hookKey(hook)));
        const parts = await routeParts(route, hooks, this.#stores);
        const { compression } = planned.rules;
        const module = compose(parts);
        const options = { ...module.options, ...planned.options, ...(compression && { compression }) };
        return { name: planned.name, module: { ...module, options } };
      }),
    );
    return {
      // Groups that no route has are checked as well, and shown.
      routes: [...routes, { ...NO_ROUTE, module: { backgroundServices: services } }],
      find({ host, target, method, headers }, listener) {
        const index = plan.router.find(host, target, method, headers, listener);
        return index < 0 ? routes.length : index;
      },
    };
  }
}

function withGroup(route: PlannedRoute, groups: ReadonlyMap<string, PlannedGroup>): PlannedRoute {
  const { action } = route;
  return action.kind === "proxy"
    ? { ...route, action: { ...action, group: groups.get(action.group.name)! } }
    : route;
}

/** A group goes on where another of its name was; one without checks does not know of health. */
function takeOver({ balancer, services }: PlannedGroup, before: PlannedGroup): void {
  balancer.inherit(before.balancer);
  if (services.includes(balancer.healthChecks)) return;
  for (const backend of balancer.backends) backend.healthy = undefined;
}
