/**
 * Idle upstream connections, kept for the next request to the same target.
 *
 * @module
 */
import type { Connection } from "./connection.ts";
import { Http2Sessions } from "./h2/sessions.ts";
import type { Target } from "./peer.ts";
import type { Watchdog, Watched } from "../http/watchdog.ts";

/** Connections kept unused, to all targets together: hooks may name any number of targets. */
const MAX_IDLE = 1024;
/** An upstream's own idle time-out is undercut by this much, in milliseconds, so that it does not close first. */
const KEPT_FOR_MARGIN = 500;

/**
 * Idle connections by target key, the most recently used first, at most `maxIdle` a key and {@linkcode MAX_IDLE} in all;
 * beyond that, those that were unused for longest go.
 *
 * A connection that its upstream closes or writes to while idle leaves the pool at once.
 */
export class ConnectionPool implements Watched {
  slot = -1;
  readonly #idle = new Map<string, Connection[]>();
  /** Connections that speak HTTP/2, which requests share. */
  readonly http2: Http2Sessions;
  readonly #watchdog: Watchdog;
  #count = 0;
  #closed = false;

  /** The watchdog tells when connections have been idle for too long. */
  constructor(watchdog: Watchdog) {
    this.#watchdog = watchdog;
    this.http2 = new Http2Sessions(watchdog);
  }

  /** An idle connection to the target, or undefined. */
  take(target: Target): Connection | undefined {
    const idle = this.#idle.get(target.key);
    if (idle === undefined) return undefined;
    const connection = idle.pop()!;
    this.#count--;
    connection.unpark();
    connection.target = target;
    if (idle.length === 0) this.#forget(target.key);
    return connection;
  }

  /**
   * Keeps a connection whose response was read to its end, unless the pool is full or closed.
   *
   * @param keptFor How long the upstream said that it keeps the connection, in milliseconds, or Infinity
   */
  put(connection: Connection, keptFor: number): void {
    const { key, maxIdle, timeouts } = connection.target;
    const idle = this.#idle.get(key) ?? [];
    const idleFor = Math.min(timeouts.poolIdle, keptFor - KEPT_FOR_MARGIN);
    if (this.#closed || idleFor <= 0 || maxIdle <= 0) return connection.close();
    if (idle.length >= maxIdle) this.#discard(idle[0]!);
    else if (this.#count >= MAX_IDLE) this.#discardOldest();
    if (this.#idle.size === 0) this.#watchdog.add(this);
    if (idle.length === 0) this.#idle.set(key, idle);
    connection.served++;
    connection.expiresAt = this.#watchdog.now + idleFor;
    idle.push(connection);
    this.#count++;
    connection.park(this.#discard);
  }

  /** How many connections are idle: of HTTP/1.1 to the target, or in all. */
  idleCount(target?: Target): number {
    return target === undefined
      ? this.#count + this.http2.idleCount
      : this.#idle.get(target.key)?.length ?? 0;
  }

  /** Closes what is idle and everything that would be put back from now on. */
  stop(): void {
    this.#closed = true;
    for (const idle of this.#idle.values()) for (const connection of idle) connection.close();
    this.#idle.clear();
    this.#count = 0;
    this.#watchdog.delete(this);
    this.http2.stop();
  }

  /** Closes what has been idle for too long. */
  tick(now: number): void {
    for (const idle of this.#idle.values()) {
      for (const connection of idle.filter(({ expiresAt }) => now >= expiresAt)) this.#discard(connection);
    }
  }

  readonly #discard = (connection: Connection): void => {
    connection.close();
    const { key } = connection.target;
    const idle = this.#idle.get(key);
    const at = idle?.indexOf(connection) ?? -1;
    if (at < 0) return;
    idle!.splice(at, 1);
    this.#count--;
    if (idle!.length === 0) this.#forget(key);
  };

  #discardOldest(): void {
    let oldest: Connection | undefined;
    for (const [first] of this.#idle.values()) {
      if (oldest === undefined || first!.expiresAt < oldest.expiresAt) oldest = first;
    }
    this.#discard(oldest!);
  }

  #forget(key: string): void {
    this.#idle.delete(key);
    if (this.#idle.size === 0) this.#watchdog.delete(this);
  }
}
