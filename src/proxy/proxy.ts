/**
 * A proxy: a hook module, its upstream connections and its background services.
 *
 * @module
 */
import { sleep } from "../http/sleep.ts";
import { type TrustCheck, trustCheck } from "../downstream/forwarded.ts";
import type { FrontRequest, FrontResponse } from "../downstream/front.ts";
import type { AccessEntry } from "../observe/access_log.ts";
import { Counters } from "../observe/counters.ts";
import { ConnectionPool } from "../upstream/pool.ts";
import { Watchdog } from "../http/watchdog.ts";
import { supervise } from "./background.ts";
import { Activity } from "./activity.ts";
import { compressionOf } from "./compression.ts";
import { type BackgroundService, HOOKS, type ProxyModule } from "./hooks.ts";
import { optionsOf } from "./options.ts";
import type { Shared } from "./request_state.ts";
import { Run } from "./run.ts";

/**
 * Answers requests by way of a module's hooks.
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
  readonly #onEnd: ((entry: AccessEntry) => void) | undefined;
  #present: Generation;
  /** The present module and those before it that still have requests under way. */
  readonly #generations = new Set<Generation>();

  /**
   * @param onEnd Receives every request when it is over, for an access log.
   * @throws {RangeError} that names every option that cannot be used
   */
  constructor(module: ProxyModule, onEnd?: (entry: AccessEntry) => void) {
    this.#onEnd = onEnd;
    this.#present = this.#generation(module);
  }

  /** Starts the module's background services. */
  start(): void {
    this.#present.start();
  }

  /**
   * Requests from now on go by way of another module; those under way finish with the old one. Resolves when the old one
   * has none left and its background services have stopped.
   *
   * @throws {RangeError} that names every option that cannot be used; then nothing has changed
   */
  async replace(module: ProxyModule): Promise<void> {
    const old = this.#present;
    this.#present = this.#generation(module);
    this.#present.start();
    await old.shared.activity.idle();
    this.#generations.delete(old);
    await old.stop();
  }

  /** Answers a request. */
  handle(request: FrontRequest): Promise<FrontResponse> {
    return new Run(this.#present.shared, request).answer();
  }

  /** Upstream connections that are open and unused. */
  get idleConnections(): number {
    return this.#pool.idleCount();
  }

  /** Resolves when no request is under way. */
  async idle(): Promise<void> {
    await Promise.all([...this.#generations].map(({ shared }) => shared.activity.idle()));
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
    await Promise.all([...this.#generations].map((generation) => generation.stop()));
  }

  #generation(module: ProxyModule): Generation {
    const options = optionsOf(module.options);
    const trusted: TrustCheck = trustCheck(options.trustedProxies);
    options.totalTimeout ||= Infinity;
    options.clientBodyTimeout ||= Infinity;
    options.clientWriteTimeout ||= Infinity;
    // A plain object: looking a hook up in a module's namespace costs more, for every request.
    const hooks = Object.fromEntries(HOOKS.map((name) => [name, module[name]])) as ProxyModule;
    const generation = new Generation(module.backgroundServices ?? [], {
      hooks,
      options,
      compression: compressionOf(options.compression),
      trusted,
      pool: this.#pool,
      watchdog: this.#watchdog,
      counters: this.counters,
      activity: new Activity(),
      onEnd: this.#onEnd,
    });
    this.#generations.add(generation);
    return generation;
  }
}

/** A module in use: what its requests share, and its background services. */
class Generation {
  readonly shared: Shared;
  readonly #services: readonly BackgroundService[];
  readonly #stopping = new AbortController();
  #running: Promise<void>[] = [];

  constructor(services: readonly BackgroundService[], shared: Shared) {
    this.#services = services;
    this.shared = shared;
  }

  start(): void {
    this.#running = this.#services.map((service) => supervise(service, this.#stopping.signal));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const stopped = new AbortController();
    const services = Promise.all(this.#running).then(() => stopped.abort());
    await Promise.race([services, sleep(1_000, stopped.signal)]);
  }
}
