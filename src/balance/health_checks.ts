/**
 * Active health checks, as a background service.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import { sleep } from "../http/sleep.ts";
import type { Backend } from "./backend.ts";
import type { GroupEvents } from "./events.ts";
import { Gate } from "./gate.ts";
import { type HealthCheckOptions, healthCheckRules, pauseOf } from "./health_options.ts";
import { beginSlowStart } from "./slow_start.ts";
import { within } from "./within.ts";

export type { HealthCheckOptions } from "./health_options.ts";

/** What the health checks of a group work with, beside its backends. */
export interface CheckedGroup {
  /** The name of the service in the log. @default {"health checks"} */
  name?: string;
  /** Are told of backends that went up or down. */
  events?: GroupEvents;
  /** How long a backend that was down takes to get its whole share, in milliseconds. @default {0} */
  slowStart?: number;
}

/** A backend that is checked again and again. */
interface Watch {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

const NEVER = new AbortController().signal;

/**
 * Checks all backends of a group, each in its own rhythm, so that one that hangs delays no other (as long as there are
 * fewer of those than may be checked at a time).
 *
 * The first check of a backend is at once, and decides by itself whether it is up; from then on, `fall` and `rise` do.
 * One that an operator has disabled is not checked.
 */
export class HealthChecks {
  /** Named in the log. */
  readonly name: string;
  readonly #backends: () => readonly Backend[];
  readonly #options: Required<HealthCheckOptions>;
  readonly #group: CheckedGroup;
  readonly #gate: Gate;
  readonly #watches = new Map<Backend, Watch>();
  readonly #underWay = new Map<Backend, Promise<void>>();
  #running = false;
  #look = () => {};

  /**
   * `backends` is asked for the members anew every interval, and when {@linkcode HealthChecks.changed} is called.
   *
   * @throws {RangeError} when an option cannot be used
   */
  constructor(
    backends: () => readonly Backend[],
    options: HealthCheckOptions = {},
    group: CheckedGroup = {},
  ) {
    this.name = group.name ?? "health checks";
    this.#backends = backends;
    this.#options = healthCheckRules(options);
    this.#group = group;
    this.#gate = new Gate(this.#options.concurrency);
  }

  /** Whether the service runs. While it does not, nothing is known of backends that were not checked yet. */
  get running(): boolean {
    return this.#running;
  }

  /** Checks until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#look();
    signal.addEventListener("abort", stop);
    this.#running = true;
    try {
      while (!signal.aborted) {
        this.#adopt(this.#backends());
        await this.#pause();
      }
    } finally {
      this.#running = false;
      signal.removeEventListener("abort", stop);
      const ended = [...this.#watches.values()].map(({ ended }) => ended);
      this.#adopt([]);
      await Promise.all(ended);
    }
  }

  /** The members have changed: the new ones are checked at once. */
  changed(): void {
    this.#look();
  }

  /** Checks a backend now, whether it is its turn or not; joins a check of it that is under way. */
  checkNow(backend: Backend): Promise<void> {
    return this.#check(backend, this.#watches.get(backend)?.stop.signal ?? NEVER);
  }

  /** One check of every backend. */
  async round(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#backends().map((backend) => this.#check(backend, signal)));
  }

  /** Watches these and no others. */
  #adopt(backends: readonly Backend[]): void {
    const members = new Set(backends);
    for (const [backend, { stop }] of this.#watches) {
      if (members.has(backend)) continue;
      stop.abort();
      this.#watches.delete(backend);
    }
    for (const backend of members) {
      if (this.#watches.has(backend)) continue;
      const stop = new AbortController();
      this.#watches.set(backend, { stop, ended: this.#watch(backend, stop.signal) });
    }
  }

  async #watch(backend: Backend, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedAt = performance.now();
      if (backend.admin !== "disabled") await this.#check(backend, signal);
      const elapsed = performance.now() - startedAt;
      await sleep(pauseOf(this.#options, backend.healthy, elapsed, Math.random()), signal);
    }
  }

  /** Waits an interval, or until there is reason to look at the members again. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(look, this.#options.interval);
      this.#look = look;
    });
  }

  #check(backend: Backend, signal: AbortSignal): Promise<void> {
    let check = this.#underWay.get(backend);
    if (check === undefined) {
      check = this.#gate.run(() => this.#checkAndObserve(backend, signal))
        .finally(() => this.#underWay.delete(backend));
      this.#underWay.set(backend, check);
    }
    return check;
  }

  async #checkAndObserve(backend: Backend, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    let cause: string | null = null;
    const begunAt = performance.now();
    try {
      const { check, timeout } = this.#options;
      await within(timeout, signal, (signal) => check(backend.peer, signal));
    } catch (error) {
      cause = messageOf(error);
    }
    if (signal.aborted) return;
    backend.lastCheck = { cause, ms: performance.now() - begunAt, at: Date.now() };
    this.#observe(backend, cause);
  }

  #observe(backend: Backend, cause: string | null): void {
    const { healthy } = backend;
    const passed = cause === null;
    if (passed === healthy) {
      backend.contradictions = 0;
      return;
    }
    const count = ++backend.contradictions;
    if (healthy !== undefined && count < (healthy ? this.#options.fall : this.#options.rise)) return;
    const now = performance.now();
    const lasted = healthy === undefined ? undefined : now - backend.since;
    backend.healthy = passed;
    backend.cause = cause ?? "";
    backend.contradictions = 0;
    backend.since = now;
    const log = getLogger("postern");
    const { events, slowStart = 0 } = this.#group;
    if (!passed) {
      log.warn(`upstream ${backend.label} DOWN after ${counted(count, "failure")}: ${cause}`);
      events?.tell("down", backend, cause, lasted);
      return;
    }
    if (lasted !== undefined) {
      beginSlowStart(backend, now, slowStart);
      const down = `was down for ${(lasted / 1000).toFixed(1)} s`;
      log.info(`upstream ${backend.label} UP after ${counted(count, "success")}, ${down}`);
    }
    events?.tell("up", backend, counted(count, "success"), lasted);
  }
}

function counted(n: number, noun: string): string {
  return n === 1 ? `1 ${noun}` : `${n} ${noun}${noun.endsWith("s") ? "es" : "s"}`;
}
