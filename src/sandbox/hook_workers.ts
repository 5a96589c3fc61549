/**
 * Calls of a module's hooks: spread over its workers, given no more than their time, and given again when a worker fails.
 *
 * @module
 */
import { isErrorType, ProxyError } from "../http/errors.ts";
import { Crew, type CrewOptions, type CrewUser } from "./crew.ts";
import type { HookWorker, WorkerSettings } from "./hook_worker.ts";
import { oneLine } from "./module_log.ts";
import {
  type Call,
  type Declarations,
  type HookName,
  OUTCOME,
  type Reply,
  type SessionView,
} from "./protocol.ts";

/** How often deadlines and signs of life are looked at while calls are under way, in milliseconds. */
const SWEEP = 25;

/** Settings of a module's workers. */
export interface WorkersOptions extends CrewOptions {
  /** A hook has to come to its end within this time, in milliseconds. @default {1_000} */
  timeout?: number;
}

/** A request's place in a worker, for modules that keep a context. */
export interface Place {
  /** Its number; 0 when the module keeps nothing. */
  readonly request: number;
  /** The worker that has its context. */
  worker: HookWorker | undefined;
  /** The peer, as JSON, that came along with the answer of `requestFilter`. */
  peer: unknown;
  /** Whether a body filter has kept back bytes, which are lost with its worker. */
  holdsBack: boolean;
}

/** A call under way. */
interface Pending {
  readonly call: Call;
  readonly place: Place;
  /** Whether another worker may be given it, should this one fail. */
  repeatable: boolean;
  readonly deadline: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  worker: HookWorker | undefined;
}

/** The hooks of a module, by way of its workers. */
export class HookWorkers implements CrewUser {
  readonly #name: string;
  readonly #timeout: number;
  readonly #crew: Crew;
  readonly #pending = new Map<number, Pending>();
  #waiting: Pending[] = [];
  #sweeping: ReturnType<typeof setInterval> | undefined;
  #calls = 0;

  constructor(settings: WorkerSettings, { timeout = 1_000, ...options }: WorkersOptions = {}) {
    this.#name = settings.name;
    this.#timeout = timeout;
    this.#crew = new Crew(settings, options, this);
  }

  /**
   * Starts the workers; what the module declares.
   *
   * @throws {LoadError} when the module cannot be used
   */
  start(): Promise<Declarations> {
    return this.#crew.start();
  }

  /** Starts the module's background services in every worker. */
  startServices(): void {
    this.#crew.startServices();
  }

  /** Stops the background services, then ends the workers. */
  async stop(): Promise<void> {
    await this.#crew.stop();
    this.close();
  }

  /** Ends all workers at once; calls under way fail. */
  close(): void {
    this.#crew.close();
    clearInterval(this.#sweeping);
    this.#waiting = [];
    for (const pending of this.#pending.values()) this.#fail(pending, "the module was stopped");
  }

  /**
   * Calls a hook; its result as plain data, undefined for nothing to say.
   *
   * @throws {ProxyError} `hook_unavailable` when the hook failed or gave no answer in time, or the one that it threw itself
   */
  call(hook: HookName, place: Place, session: SessionView, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call: Call = [++this.#calls, hook, place.request, session, ...args];
      const deadline = performance.now() + this.#timeout;
      const repeatable = place.request === 0 || place.worker === undefined;
      const pending: Pending = { call, place, repeatable, deadline, resolve, reject, worker: undefined };
      const crew = this.#crew;
      if (crew.closed) return this.#fail(pending, "the module was stopped");
      // Requests that have their context in a worker that lives may finish.
      if (place.worker === undefined && !crew.enabled) return this.#fail(pending, "the module is disabled");
      if (place.worker !== undefined && !crew.has(place.worker)) {
        return this.#fail(pending, "the worker with its context is gone");
      }
      this.#pending.set(call[0], pending);
      this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP);
      this.#dispatch(pending, place.worker ?? crew.pick());
    });
  }

  /** A request is over: its context can be forgotten. */
  forget({ worker }: Place): void {
    if (worker !== undefined) this.#crew.count(worker, "requests", -1);
  }

  /** A call has ended. A worker can only answer what it was asked. */
  replied(worker: HookWorker, [id, outcome, ...rest]: Reply): void {
    const pending = this.#pending.get(id);
    if (pending?.worker !== worker) return;
    if (outcome === OUTCOME.failed || (outcome === OUTCOME.refused && !isErrorType(rest[0]))) {
      return this.#fail(pending, String(rest[0]));
    }
    this.#settle(pending);
    if (outcome === OUTCOME.nothing) pending.resolve(undefined);
    else if (outcome === OUTCOME.result) pending.resolve(rest[0]);
    else pending.reject(new ProxyError(rest[0] as ProxyError["type"], oneLine(rest[1])));
  }

  /** A worker is ready: it gets what waits. */
  joined(worker: HookWorker): void {
    for (const pending of this.#waiting.splice(0)) this.#dispatch(pending, worker);
  }

  /** A worker is gone. The call that it was running fails; others are given to another worker. */
  lost(worker: HookWorker, cause: string): void {
    const { current } = worker;
    for (const pending of this.#pending.values()) {
      if (pending.worker !== worker) continue;
      pending.worker = undefined;
      if (!pending.repeatable || pending.call[0] === current) {
        this.#fail(pending, cause);
        continue;
      }
      // Whoever is to blame, when no call was seen running, ends only one more worker.
      if (current === 0) pending.repeatable = false;
      if (pending.place.request !== 0) pending.place.worker = undefined;
      if (this.#crew.enabled) this.#dispatch(pending, this.#crew.pick());
      else this.#fail(pending, "the module is disabled");
    }
  }

  /** The module gets no worker for a while: nobody waits for one. */
  disabled(): void {
    for (const pending of this.#waiting.splice(0)) this.#fail(pending, "the module is disabled");
  }

  #dispatch(pending: Pending, worker: HookWorker | undefined): void {
    if (worker === undefined) return void this.#waiting.push(pending);
    const { place } = pending;
    pending.worker = worker;
    this.#crew.count(worker, "calls", 1);
    if (place.request !== 0 && place.worker !== worker) {
      place.worker = worker;
      this.#crew.count(worker, "requests", 1);
    }
    const [id, hook, request, session, first, ...rest] = pending.call;
    if (!(first instanceof Uint8Array)) return worker.send(pending.call);
    // What is sent is gone here: a chunk may be needed for another worker, another attempt, or when the hook fails.
    const chunk = first.slice();
    worker.send([id, hook, request, session, chunk, ...rest], chunk.buffer);
  }

  #fail(pending: Pending, cause: string): void {
    this.#settle(pending);
    const text = `${this.#name}: hook ${pending.call[1]}: ${oneLine(cause)}`;
    pending.reject(new ProxyError("hook_unavailable", text));
  }

  /** Takes a call off the books. */
  #settle({ call, worker }: Pending): void {
    this.#pending.delete(call[0]);
    if (worker !== undefined) this.#crew.count(worker, "calls", -1);
  }

  #sweep(): void {
    if (this.#pending.size === 0) {
      clearInterval(this.#sweeping);
      this.#sweeping = undefined;
      return;
    }
    const now = performance.now();
    this.#crew.look(now);
    for (const pending of this.#pending.values()) if (now >= pending.deadline) this.#expire(pending);
  }

  /** A hook waits for something that does not come: it fails, and its worker is replaced in good order. */
  #expire(pending: Pending): void {
    const cause = `no answer within ${this.#timeout} ms`;
    this.#waiting = this.#waiting.filter((other) => other !== pending);
    this.#fail(pending, cause);
    if (pending.worker !== undefined) {
      this.#crew.late(pending.worker, `hook ${pending.call[1]} gave ${cause}`);
    }
  }
}
