/**
 * Buckets that several replicas share, in Redis.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import type { BackgroundService } from "../proxy/hooks.ts";
import { type LimitStore, type Verdict, verdict } from "./limits.ts";

/** Settings of {@linkcode RedisLimits}. */
export interface RedisLimitsOptions {
  /** `redis://[user:password@]host:port[/database]`, or `rediss://` for TLS. */
  readonly url: string;
  /** Ahead of every key. @default {"postern:"} */
  readonly prefix?: string;
  /** The longest that a request waits for Redis, in milliseconds. @default {50} */
  readonly timeout?: number;
  /** Counts while Redis is away. */
  readonly local: LimitStore;
}

/** As {@linkcode LocalLimits.take}, by the clock of Redis. What is missing comes as text: numbers would lose their fraction. */
const SCRIPT = `
local time = redis.call("TIME")
local now = time[1] * 1000 + time[2] / 1000
local interval = 1000 / ARGV[1]
local fullAt = math.max(tonumber(redis.call("GET", KEYS[1]) or "0"), now) + interval
local missing = math.floor((fullAt - now) * 1000 + 0.5) / 1000
if missing <= ARGV[2] * interval + 0.001 then
  redis.call("SET", KEYS[1], string.format("%.3f", fullAt), "PX", math.ceil(missing))
end
return string.format("%.3f", missing)`;

/** After a failure, Redis is left alone for so long, in milliseconds; then one request tries it. */
const PAUSE = 1_000;
/** Between two attempts to connect, in milliseconds, at most. */
const LONGEST_WAIT = 1_000;

/** What is used of the client. */
interface Client {
  readonly isReady: boolean;
  take(key: string, rate: string, burst: string): Promise<string>;
}

/**
 * A store in Redis, to be run as a background service beside the proxy. No request fails for it: while Redis is away or
 * slow, requests are counted by the local store, which is logged once, as is its return.
 */
export class RedisLimits implements LimitStore, BackgroundService {
  /** Named in the log. */
  readonly name = "shared limits";
  readonly #options: Required<RedisLimitsOptions>;
  readonly #place: string;
  #client: Client | undefined;
  #isAway = false;
  #pausedUntil = 0;

  /**
   * Opens no connection yet.
   *
   * @throws {TypeError} when the URL is none
   */
  constructor(options: RedisLimitsOptions) {
    this.#options = { prefix: "postern:", timeout: 50, ...options };
    // Without the password.
    this.#place = new URL(options.url).host;
  }

  /** Keeps a connection until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    // Loaded by those who use it alone.
    const { createClient, defineScript } = await import("@redis/client");
    const client = createClient({
      url: this.#options.url,
      RESP: 2,
      // They would need the environment.
      maintNotifications: "disabled",
      disableOfflineQueue: true,
      // Finds out that a connection is dead that nobody closed.
      pingInterval: 3_000,
      socket: {
        socketTimeout: 10_000,
        connectTimeout: 2_000,
        reconnectStrategy: (tries) => Math.min(50 * 2 ** tries, LONGEST_WAIT),
      },
      scripts: {
        take: defineScript({
          SCRIPT,
          NUMBER_OF_KEYS: 1,
          parseCommand(parser, key: string, rate: string, burst: string) {
            parser.pushKey(key);
            parser.push(rate, burst);
          },
          transformReply: (reply: unknown) => String(reply),
        }),
      },
    });
    client.on("error", (error) => this.#failed(error));
    client.on("ready", () => this.#pausedUntil = 0);
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    try {
      this.#client = client;
      // Rejects when it is destroyed while it still tries; what else goes wrong comes as an event.
      await Promise.race([client.connect().catch(() => {}), stopped]);
      await stopped;
    } finally {
      this.#client = undefined;
      client.destroy();
    }
  }

  /** Takes a token. */
  async take(key: string, rate: number, burst: number): Promise<Verdict> {
    const client = this.#client;
    const now = performance.now();
    if (client === undefined || !client.isReady || now < this.#pausedUntil) {
      return this.#options.local.take(key, rate, burst);
    }
    // While it is away, others need not wait for this one to find out.
    if (this.#isAway) this.#pausedUntil = now + PAUSE;
    try {
      const asked = client.take(`${this.#options.prefix}limit:${key}`, `${rate}`, `${burst}`);
      const missing = Number(await soon(asked, this.#options.timeout));
      this.#returned();
      return verdict(missing, rate, burst);
    } catch (error) {
      this.#pausedUntil = performance.now() + PAUSE;
      this.#failed(error);
      return this.#options.local.take(key, rate, burst);
    }
  }

  #failed(error: unknown): void {
    if (this.#isAway) return;
    this.#isAway = true;
    getLogger("postern").warn(
      `Redis at ${this.#place} is away, limits are counted here alone: ${messageOf(error)}`,
    );
  }

  #returned(): void {
    this.#pausedUntil = 0;
    if (!this.#isAway) return;
    this.#isAway = false;
    getLogger("postern").info(`Redis at ${this.#place} is back, limits are shared again`);
  }
}

/** What a promise gives, if it does so in time. */
function soon<T>(promise: Promise<T>, timeout: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeout} ms`)), timeout);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
