/**
 * The sessions to all targets, shared by the requests to each.
 *
 * @module
 */
import { ProxyError } from "../../http/errors.ts";
import type { Watchdog, Watched } from "../../http/watchdog.ts";
import type { Connection } from "../connection.ts";
import type { Target } from "../peer.ts";
import { Http2Session } from "./session.ts";

/** Targets remembered that prefer HTTP/1.1; beyond, all are forgotten and asked anew. */
const MAX_KNOWN = 1024;

/** Connects to the target, offering HTTP/2. */
type Connect = (signal: AbortSignal) => Promise<Connection>;

/** A connection on its way, for all that wait for it. */
interface Opening {
  /** The session, or a connection for one of them as the upstream speaks HTTP/1.1. */
  readonly result: Promise<Http2Session | Connection>;
  readonly controller: AbortController;
  /** How many wait for it. */
  waiting: number;
  /** Whether one of them took the connection. */
  isTaken: boolean;
  /** Has nobody join it any more. */
  done(): void;
}

/** Sessions by target key. What is open is used before another one is opened. */
export class Http2Sessions implements Watched {
  slot = -1;
  readonly #watchdog: Watchdog;
  readonly #byKey = new Map<string, Http2Session[]>();
  readonly #openings = new Map<string, Opening>();
  readonly #prefersHttp1 = new Set<string>();
  #closed = false;

  constructor(watchdog: Watchdog) {
    this.#watchdog = watchdog;
  }

  /** A session with a place, which is reserved; undefined when there is none. */
  take({ key }: Target): Http2Session | undefined {
    const session = this.#byKey.get(key)?.find(({ hasRoom }) => hasRoom);
    session?.reserve();
    return session;
  }

  /**
   * A session with a place, which is reserved, or else the connection of an upstream that speaks HTTP/1.1. Those that ask
   * together wait for one session, unless it is known that there will be none.
   *
   * @throws {ProxyError} what `connect` failed with, or `connect_failed` or `connect_timeout` when the upstream does not
   * speak HTTP/2
   * @throws the signal's reason
   */
  async reach(target: Target, signal: AbortSignal, connect: Connect): Promise<Http2Session | Connection> {
    const { key } = target;
    if (this.#prefersHttp1.has(key) || target.proxyProtocol !== undefined) {
      const reached = await this.#open(target, signal, connect);
      if (reached instanceof Http2Session) reached.reserve();
      return reached;
    }
    while (true) {
      const session = this.take(target);
      if (session !== undefined) return session;
      if (this.#prefersHttp1.has(key)) return await this.reach(target, signal, connect);
      const opening = this.#openings.get(key) ?? this.#begin(target, connect);
      const reached = await shared(opening, signal);
      // A connection of HTTP/1.1 is for one of them; the others open their own.
      if (reached instanceof Http2Session || opening.isTaken) continue;
      opening.isTaken = true;
      return reached;
    }
  }

  /** How many sessions are open and unused. */
  get idleCount(): number {
    let count = 0;
    for (const sessions of this.#byKey.values()) for (const { isIdle } of sessions) if (isIdle) count++;
    return count;
  }

  /** Closes what is idle, and all others as soon as they are. */
  stop(): void {
    this.#closed = true;
    for (const sessions of [...this.#byKey.values()]) for (const session of [...sessions]) session.retire();
  }

  /** Closes what has been idle for too long. */
  tick(now: number): void {
    for (const sessions of [...this.#byKey.values()]) {
      for (const session of sessions.filter(({ expiresAt }) => now >= expiresAt)) session.retire();
    }
  }

  #begin(target: Target, connect: Connect): Opening {
    const controller = new AbortController();
    const result = this.#open(target, controller.signal, connect);
    // Whoever comes once it is given up opens another.
    const done = () => {
      if (this.#openings.get(target.key) === opening) this.#openings.delete(target.key);
    };
    const opening: Opening = { result, controller, waiting: 0, isTaken: false, done };
    this.#openings.set(target.key, opening);
    result.then((reached) => {
      done();
      if (opening.waiting === 0 && !(reached instanceof Http2Session)) reached.close();
    }, done);
    return opening;
  }

  async #open(target: Target, signal: AbortSignal, connect: Connect): Promise<Http2Session | Connection> {
    const { key } = target;
    const connection = await connect(signal);
    if (!connection.isHttp2) {
      if (this.#prefersHttp1.size >= MAX_KNOWN) this.#prefersHttp1.clear();
      this.#prefersHttp1.add(key);
      return connection;
    }
    this.#prefersHttp1.delete(key);
    const session = new Http2Session(connection, this.#watchdog, this);
    await settled(session, signal);
    if (target.proxyProtocol !== undefined) return session;
    // Those who asked for it may have left.
    session.expiresAt = this.#watchdog.now + (this.#closed ? 0 : target.timeouts.poolIdle);
    if (this.#byKey.size === 0) this.#watchdog.add(this);
    const sessions = this.#byKey.get(key);
    if (sessions === undefined) this.#byKey.set(key, [session]);
    else sessions.push(session);
    return session;
  }

  /** A session takes no more streams. */
  retired(session: Http2Session): void {
    const { key } = session.connection.target;
    const sessions = this.#byKey.get(key);
    const at = sessions?.indexOf(session) ?? -1;
    if (at < 0) return;
    sessions!.splice(at, 1);
    if (sessions!.length > 0) return;
    this.#byKey.delete(key);
    if (this.#byKey.size === 0) this.#watchdog.delete(this);
  }

  /** A session has no streams any more. */
  idle(session: Http2Session): void {
    const { key, maxIdle, timeouts } = session.connection.target;
    const sessions = this.#byKey.get(key) ?? [];
    const isKept = !this.#closed && sessions.includes(session) && timeouts.poolIdle > 0 &&
      sessions.filter(({ isIdle }) => isIdle).length <= maxIdle;
    if (isKept) session.expiresAt = this.#watchdog.now + timeouts.poolIdle;
    else session.retire();
  }
}

/** Waits for the upstream's first word, for as long as connecting may take. */
async function settled(session: Http2Session, signal: AbortSignal): Promise<void> {
  const { label, timeouts } = session.connection.target;
  const { promise, reject } = Promise.withResolvers<void>();
  const timer = timeouts.connect === Infinity ? undefined : setTimeout(() => {
    reject(new ProxyError("connect_timeout", `${label}: no SETTINGS within ${timeouts.connect} ms`));
  }, timeouts.connect);
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    await Promise.race([session.ready, promise]);
    if (!session.hasRoom) throw new ProxyError("connect_failed", `${label} takes no requests`);
  } catch (error) {
    session.close();
    throw error instanceof ProxyError && (error.type === "upstream_closed" || error.type === "bad_response")
      ? new ProxyError("connect_failed", error.message, { cause: error })
      : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** Waits with others; an opening that nobody waits for any more is given up. */
async function shared(opening: Opening, signal: AbortSignal): Promise<Http2Session | Connection> {
  opening.waiting++;
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    return await Promise.race([opening.result, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    if (--opening.waiting === 0) {
      opening.done();
      opening.controller.abort(signal.reason);
    }
  }
}
