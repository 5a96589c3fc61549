/**
 * A proxy that listens: hook module, front and background services together.
 *
 * @module
 */
import type { ListenerOptions } from "../downstream/listener_options.ts";
import type { AccessEntry } from "../observe/access_log.ts";
import type { Counters } from "../observe/counters.ts";
import type { Tracing } from "../observe/tracing.ts";
import { parseAddress } from "../upstream/address.ts";
import type { ProxyModule } from "./hooks.ts";
import { listenerOf } from "./listener_check.ts";
import { listenAt } from "./listening.ts";
import { Proxy } from "./proxy.ts";
import { stop } from "./stop.ts";

/** Where a module without `listen` listens. */
export const DEFAULT_LISTEN = "127.0.0.1:6188";

/** Settings of {@linkcode startProxy}. */
export interface StartOptions {
  /** Where to listen, instead of the module's `listen`. */
  listen?: string | undefined;
  /** How to listen, instead of what the module's `listener` says, field by field. */
  listener?: ListenerOptions | undefined;
  /** Receives every request when it is over. */
  onEnd?: ((entry: AccessEntry) => void) | undefined;
  /** Begins traces of requests. */
  tracing?: Tracing | undefined;
}

/** A proxy that listens. */
export interface Running {
  /** Where it listens: `host:port` or `unix:/path`. */
  readonly address: string;
  /** Where plain HTTP is redirected to TLS from; undefined when it is not. */
  readonly redirectAddress: string | undefined;
  /** Counts since the start. */
  readonly counters: Counters;
  /** Upstream connections that are open and unused. */
  readonly idleConnections: number;
  /**
   * Requests from now on go by way of another module, whose `listen` is not heeded; those under way finish with the old
   * one. Resolves when the old one has none left.
   *
   * @throws {RangeError} that names every option that cannot be used; then nothing has changed
   */
  replace(module: ProxyModule): Promise<void>;
  /**
   * Reads the certificate and the key of a TLS listener again, for connections from now on.
   *
   * @throws when they cannot be used; then nothing has changed
   */
  renewTls(): void;
  /**
   * Stops accepting, lets requests under way finish for up to `drain` milliseconds, then ends them. With 0 every
   * connection is closed at once; after a drain, so are those that are left, but `Deno.serve` leaves one whose client does
   * not read its answer to the process's end.
   * Whether all finished in time.
   */
  stop(drain: number): Promise<boolean>;
}

/**
 * Starts a proxy.
 *
 * @throws {RangeError} that names the settings that cannot be used
 * @throws when the address cannot be listened on
 */
export function startProxy(
  module: ProxyModule,
  { listen, listener, onEnd, tracing }: StartOptions = {},
): Running {
  const address = parseAddress(listen ?? module.listen ?? DEFAULT_LISTEN);
  const how = listenerOf(module.listener, listener);
  const proxy = new Proxy(module, { onEnd, tracing });
  const front = listenAt(address, (request) => proxy.handle(request), how);
  proxy.start();
  return {
    address: front.address,
    redirectAddress: front.redirectAddress,
    counters: proxy.counters,
    get idleConnections() {
      return proxy.idleConnections;
    },
    replace: (module) => proxy.replace(module),
    renewTls: () => front.renewTls?.(),
    stop: (drain) => stop(proxy, [front], drain),
  };
}
