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
import { Watchdog } from "../upstream/watchdog.ts";
import { supervise } from "./background.ts";
import { HOOKS, type ProxyModule } from "./hooks.ts";
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
  readonly #module: ProxyModule;
  readonly #watchdog = new Watchdog();
  readonly #pool = new ConnectionPool(this.#watchdog);
  readonly #shared: Shared;
  readonly #stopping = new AbortController();
  #services: Promise<void>[] = [];

  /**
   * @param onEnd Receives every request when it is over, for an access log.
   * @throws {RangeError} that names every option that cannot be used
   */
  constructor(module: ProxyModule, onEnd?: (entry: AccessEntry) => void) {
    this.#module = module;
    const options = optionsOf(module.options);
    const trusted: TrustCheck = trustCheck(options.trustedProxies);
    options.totalTimeout ||= Infinity;
    options.clientBodyTimeout ||= Infinity;
    options.clientWriteTimeout ||= Infinity;
    // A plain object: looking a hook up in a module's namespace costs more, for every request.
    const hooks = Object.fromEntries(HOOKS.map((name) => [name, module[name]])) as ProxyModule;
    this.#shared = {
      hooks,
      options,
      trusted,
      pool: this.#pool,
      watchdog: this.#watchdog,
      counters: this.counters,
      onEnd,
    };
  }

  /** Starts the module's background services. */
  start(): void {
    const { signal } = this.#stopping;
    this.#services = (this.#module.backgroundServices ?? []).map((service) => supervise(service, signal));
  }

  /** Answers a request. */
  handle(request: FrontRequest): Promise<FrontResponse> {
    return new Run(this.#shared, request).answer();
  }

  /** Upstream connections that are open and unused. */
  get idleConnections(): number {
    return this.#pool.idleCount();
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
    this.#stopping.abort();
    this.#pool.stop();
    this.#watchdog.close();
    const stopped = new AbortController();
    const services = Promise.all(this.#services).then(() => stopped.abort());
    await Promise.race([services, sleep(1_000, stopped.signal)]);
  }
}
