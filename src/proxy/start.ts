/**
 * A proxy that listens: hook module, front and background services together.
 *
 * @module
 */
import { messageOf } from "../http/errors.ts";
import { sleep } from "../http/sleep.ts";
import { serve } from "../downstream/serve.ts";
import type { ListenerOptions } from "../downstream/listener_options.ts";
import { listenTcp } from "../downstream/tcp/listen.ts";
import type { Front, FrontHandler } from "../downstream/front.ts";
import type { AccessEntry } from "../observe/access_log.ts";
import type { Counters } from "../observe/counters.ts";
import type { Tracing } from "../observe/tracing.ts";
import { type Address, formatAddress, parseAddress } from "../upstream/address.ts";
import type { ProxyModule } from "./hooks.ts";
import { withHsts } from "./hsts.ts";
import { listenerOf } from "./listener_check.ts";
import { Proxy } from "./proxy.ts";
import { redirectTo } from "./redirect.ts";

/** Where a module without `listen` listens. */
export const DEFAULT_LISTEN = "127.0.0.1:6188";

/** Requests that were ended get this long for their answers to be sent, in milliseconds. */
const LAST_WORDS = 1_000;
/** Answers that nothing tells of get this long to leave, in milliseconds. */
const LAST_BYTES = 200;

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
  const plain: FrontHandler = (request) => proxy.handle(request);
  const handler = how.hsts === undefined ? plain : withHsts(plain, how.hsts);
  const front = (how.front === "tcp" ? listenTcp : serve)(address, handler, how);
  const redirect = redirectFor(front, how);
  const fronts = redirect === undefined ? [front] : [front, redirect];
  proxy.start();
  return {
    address: formatAddress(addressOf(front.addr, address)),
    redirectAddress: redirect && formatAddress(redirect.addr as Address),
    counters: proxy.counters,
    get idleConnections() {
      return proxy.idleConnections;
    },
    replace: (module) => proxy.replace(module),
    renewTls: () => front.renewTls?.(),
    async stop(drain) {
      if (drain === 0) {
        const idle = proxy.counters.active === 0;
        proxy.abort();
        await Promise.all(fronts.map((front) => front.close()));
        await proxy.close();
        return idle;
      }
      // Requests on a listener that failed and was opened anew are known to the counters alone.
      const shutdown = Promise.all(fronts.map((front) => front.shutdown())).then(() => proxy.idle())
        .then(() => front.failed ? sleep(LAST_BYTES) : undefined);
      const drained = await within(shutdown, drain);
      if (!drained) {
        proxy.abort();
        if (!await within(shutdown, LAST_WORDS)) {
          for (const front of fronts) front.close();
          await within(shutdown, LAST_BYTES);
        }
      }
      await proxy.close();
      return drained;
    },
  };
}

/** The listener that redirects to a front, if there is to be one. It has the limits of the own server. */
function redirectFor(front: Front, how: ListenerOptions): Front | undefined {
  const { redirectHttp, redirectPort, tls: _tls, ...rest } = how;
  if (redirectHttp === undefined) return undefined;
  const port = redirectPort ?? (front.addr.transport === "tcp" ? front.addr.port : undefined);
  try {
    return listenTcp(parseAddress(redirectHttp), redirectTo(port), rest);
  } catch (error) {
    front.close();
    throw new Error(`cannot redirect from ${redirectHttp}: ${messageOf(error)}`, { cause: error });
  }
}

/** Whether the promise resolved within so many milliseconds. */
async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), ms));
  const inTime = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

function addressOf(addr: Deno.Addr, asked: Address): Address {
  return addr.transport === "tcp" ? { transport: "tcp", hostname: addr.hostname, port: addr.port } : asked;
}
