/**
 * A proxy: a hook module, its upstream connections and its background services.
 *
 * @module
 */
import { type TrustCheck, trustCheck } from "../downstream/forwarded.ts";
import type { FrontRequest, FrontResponse } from "../downstream/front.ts";
import type { AccessEntry } from "../observe/access_log.ts";
import { Counters } from "../observe/counters.ts";
import type { Tracing } from "../observe/tracing.ts";
import { ConnectionPool } from "../upstream/pool.ts";
import { Watchdog } from "../http/watchdog.ts";
import { Activity } from "./activity.ts";
import { BackgroundServices } from "./background_services.ts";
import { compressionOf } from "./compression.ts";
import { type BackgroundService, HOOKS, type ProxyModule } from "./hooks.ts";
import { optionsOf } from "./options.ts";
import type { Shared } from "./request_state.ts";
import { onlyRoute, type Routes } from "./routes.ts";
import { Run } from "./run.ts";

/** Who learns of the requests of a proxy. */
export interface ProxyObservers {
  /** Receives every request when it is over, for an access log. */
  onEnd?: ((entry: AccessEntry) => void) | undefined;
  /** Begins their traces. */
  tracing?: Tracing | undefined;
}

/**
 * Answers requests by way of the hooks of a module, or of several between which routes choose.
 *
 * @example
 * ```ts
 * import { Proxy } from "./proxy.ts";
 * const proxy = new Proxy({ upstreamPeer: () => ({ address: "127.0.0.1:8080" }) });
 * await proxy.close();
 * ```
 */
export class Proxy {
  /** Counts since the start. */
  readonly counters = new Counters();
  readonly #watchdog = new Watchdog();
  readonly #pool = new ConnectionPool(this.#watchdog);
  readonly #services = new BackgroundServices();
  readonly #observed: ProxyObservers;
  #present: Generation;
  /** The present modules and those before them that still have requests under way. */
  readonly #generations = new Set<Generation>();

  /**
   * @param observers Who learns of the requests.
   * @throws {RangeError} that names every option that cannot be used
   */
  constructor(given: ProxyModule | Routes, observers: ProxyObservers = {}) {
    this.#observed = observers;
    this.#present = this.#generation(given);
  }

  /** Starts the background services. */
  start(): void {
    this.#services.run(modulesOf(this.#present));
  }

  /**
   * Requests from now on go by way of other modules; those under way finish with the old ones. Background services that
   * both have run on. Resolves when the old modules have no request left and their other services have stopped.
   *
   * @throws {RangeError} that names every option that cannot be used; then nothing has changed
   */
  async replace(given: ProxyModule | Routes): Promise<void> {
    const old = this.#present;
    this.#present = this.#generation(given);
    this.start();
    await old.activity.idle();
    this.#generations.delete(old);
    await this.#services.keep([...this.#generations].flatMap(modulesOf));
  }

  /** Stops background services at once that the present modules do not have, though requests of others are under way. */
  async endServices(services: readonly BackgroundService[]): Promise<void> {
    await this.#services.end(services);
  }

  /** Answers a request that came by the listener of that name. */
  handle(request: FrontRequest, listener = ""): Promise<FrontResponse> {
    const { shared, find } = this.#present;
    const index = shared.length === 1 ? 0 : find(request, listener);
    return new Run(shared[index]!, request, listener).answer();
  }

  /** Upstream connections that are open and unused. */
  get idleConnections(): number {
    return this.#pool.idleCount();
  }

  /** Resolves when no request is under way. */
  async idle(): Promise<void> {
    await Promise.all([...this.#generations].map(({ activity }) => activity.idle()));
  }

  /** Ends the requests under way. */
  abort(): void {
    this.#watchdog.stopAll();
  }

  /**
   * Stops the background services and closes unused upstream connections. Requests under way go on.
   * A service that does not heed its signal is waited for only a second.
   */
  async close(): Promise<void> {
    this.#pool.stop();
    this.#watchdog.close();
    await this.#services.keep([]);
  }

  #generation(given: ProxyModule | Routes): Generation {
    const { routes, find } = "routes" in given ? given : onlyRoute(given);
    const activity = new Activity();
    const shared = routes.map(({ name, module }) => this.#shared(name, module, activity));
    const generation = { routes, find, activity, shared };
    this.#generations.add(generation);
    return generation;
  }

  #shared(route: string, module: ProxyModule, activity: Activity): Shared {
    const options = optionsOf(module.options);
    const trusted: TrustCheck = trustCheck(options.trustedProxies);
    options.totalTimeout ||= Infinity;
    options.clientBodyTimeout ||= Infinity;
    options.clientWriteTimeout ||= Infinity;
    // A plain object: looking a hook up in a module's namespace costs more, for every request.
    const hooks = Object.fromEntries(HOOKS.map((name) => [name, module[name]])) as ProxyModule;
    return {
      route,
      hooks,
      options,
      compression: compressionOf(options.compression),
      trusted,
      pool: this.#pool,
      watchdog: this.#watchdog,
      counters: this.counters,
      activity,
      onEnd: this.#observed.onEnd,
      tracing: this.#observed.tracing,
    };
  }
}

/** Modules in use, and what the requests of each share. */
interface Generation extends Routes {
  readonly activity: Activity;
  readonly shared: readonly Shared[];
}

function modulesOf({ routes }: Routes): ProxyModule[] {
  return routes.map(({ module }) => module);
}
