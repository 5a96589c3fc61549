/**
 * The background services of all modules of a proxy.
 *
 * @module
 */
import { sleep } from "../http/sleep.ts";
import { supervise } from "./background.ts";
import type { BackgroundService, ProxyModule } from "./hooks.ts";

/** A service that is told to stop is waited for so long, in milliseconds. */
const STOP_TIME = 1_000;

interface Begun {
  readonly stopping: AbortController;
  readonly over: Promise<void>;
}

/** Services that run, each once, however many modules have it. */
export class BackgroundServices {
  readonly #begun = new Map<BackgroundService, Begun>();

  /** Starts those of the modules that do not run yet. */
  run(modules: readonly ProxyModule[]): void {
    for (const service of servicesOf(modules)) {
      if (this.#begun.has(service)) continue;
      const stopping = new AbortController();
      this.#begun.set(service, { stopping, over: supervise(service, stopping.signal) });
    }
  }

  /** Stops all but those of the modules. One that does not heed its signal is waited for only a second. */
  async keep(modules: readonly ProxyModule[]): Promise<void> {
    const kept = servicesOf(modules);
    await this.end([...this.#begun.keys()].filter((service) => !kept.has(service)));
  }

  /** Stops these; as {@linkcode BackgroundServices.keep}. */
  async end(services: readonly BackgroundService[]): Promise<void> {
    const ending: Promise<void>[] = [];
    for (const service of services) {
      const begun = this.#begun.get(service);
      if (begun === undefined) continue;
      this.#begun.delete(service);
      begun.stopping.abort();
      ending.push(begun.over);
    }
    const stopped = new AbortController();
    const all = Promise.all(ending).then(() => stopped.abort());
    await Promise.race([all, sleep(STOP_TIME, stopped.signal)]);
  }
}

function servicesOf(modules: readonly ProxyModule[]): Set<BackgroundService> {
  return new Set(modules.flatMap(({ backgroundServices = [] }) => backgroundServices));
}
