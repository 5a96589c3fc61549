/**
 * The workers of one module: calls are spread over them, and one that fails is replaced without taking others along.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { isErrorType, messageOf, ProxyError } from "../http/errors.ts";
import { Breaker, type BreakerOptions } from "./breaker.ts";
import { HookWorker, type WorkerObserver, type WorkerSettings } from "./hook_worker.ts";
import {
  type Call,
  type Declarations,
  type HookName,
  type Notice,
  OUTCOME,
  type Reply,
  type SessionView,
} from "./protocol.ts";

/** How often deadlines and signs of life are looked at while calls are under way, in milliseconds. */
const SWEEP = 25;
/** How often a worker is asked for its memory, in milliseconds. */
const BEAT = 1_000;
/** A worker that gives no sign of life for so long, in milliseconds, is stuck in a loop. */
const STUCK = 400;
/** From so much silence on, in milliseconds, the memory of the process is watched. */
const QUIET = 100;
/** A worker that was replaced may finish the requests it has begun for so long, in milliseconds. */
const GRACE = 30_000;
/** Background services get this long to end, in milliseconds: less than the proxy waits for. */
const LAST_WORDS = 900;
/** Lines that a module may put into the log in a second. */
const MAX_LINES = 1_000;

/** Settings of a module's workers. */
export interface WorkersOptions {
  /** How many. @default {1} */
  workers?: number;
  /** A hook has to come to its end within this time, in milliseconds. @default {1_000} */
  timeout?: number;
  /** A worker that holds more bytes is replaced. @default {134_217_728} */
  memoryLimit?: number;
  /** When the module is disabled. */
  breaker?: BreakerOptions;
  /** Told of every address that a hook reaches. */
  onUsed?: (address: string) => void;
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

/** What is known of a worker beside itself. */
interface Duty {
  /** Calls under way. */
  calls: number;
  /** Requests whose context it keeps. */
  requests: number;
  /** When a worker that was replaced is ended at the latest. */
  endsAt: number;
}

/** The workers of a module. */
export class HookWorkers implements WorkerObserver {
  readonly #settings: WorkerSettings;
  readonly #options: Required<Omit<WorkersOptions, "onUsed">> & Pick<WorkersOptions, "onUsed">;
  readonly #breaker: Breaker;
  readonly #duties = new Map<HookWorker, Duty>();
  readonly #pending = new Map<number, Pending>();
  readonly #starting = new Set<HookWorker>();
  #waiting: Pending[] = [];
  #active: HookWorker[] = [];
  #sweeping: ReturnType<typeof setInterval> | undefined;
  #beating: ReturnType<typeof setInterval> | undefined;
  readonly #restarts = new Set<ReturnType<typeof setTimeout>>();
  #calls = 0;
  #rss = 0;
  #second = 0;
  #lines = 0;
  #serving = false;
  #closed = false;
  #stopped: (() => void) | undefined;

  constructor(settings: WorkerSettings, options: WorkersOptions = {}) {
    this.#settings = settings;
    this.#options = { workers: 1, timeout: 1_000, memoryLimit: 128 * 1024 * 1024, breaker: {}, ...options };
    this.#breaker = new Breaker(this.#options.breaker);
  }

  /**
   * Starts the workers; what the module declares.
   *
   * @throws {LoadError} when the module cannot be used
   */
  async start(): Promise<Declarations> {
    try {
      const all = await Promise.all(Array.from({ length: this.#options.workers }, () => this.#add()));
      this.#beat();
      this.#beating = setInterval(() => this.#beat(), BEAT);
      return all[0]!;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Starts the module's background services in every worker. */
  startServices(): void {
    this.#serving = true;
    for (const worker of this.#active) worker.send([0, "start"]);
  }

  /** Stops the background services, then ends the workers, also when a service does not heed its signal. */
  async stop(): Promise<void> {
    const serving = this.#serving ? this.#active.length : 0;
    if (serving > 0) {
      let left = serving;
      const stopped = new Promise<void>((resolve) => this.#stopped = () => --left === 0 && resolve());
      for (const worker of this.#active) worker.send([0, "stop"]);
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([stopped, new Promise((resolve) => timer = setTimeout(resolve, LAST_WORDS))]);
      clearTimeout(timer);
    }
    this.close();
  }

  /** Ends all workers at once; calls under way fail. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeping);
    clearInterval(this.#beating);
    for (const timer of this.#restarts) clearTimeout(timer);
    for (const worker of [...this.#starting, ...this.#duties.keys()]) worker.end("the module was stopped");
    this.#duties.clear();
    this.#active = [];
    for (const pending of this.#pending.values()) {
      pending.reject(this.#unavailable(pending, "the module was stopped"));
    }
    this.#pending.clear();
    this.#waiting = [];
  }

  /**
   * Calls a hook; its result as plain data, undefined for nothing to say.
   *
   * @throws {ProxyError} `hook_unavailable` when the hook failed or gave no answer in time, or the one that it threw itself
   */
  call(
    hook: HookName,
    place: Place,
    session: SessionView,
    args: readonly unknown[],
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call: Call = [++this.#calls, hook, place.request, session, ...args];
      const pending: Pending = {
        call,
        place,
        repeatable: place.request === 0 || place.worker === undefined,
        deadline: performance.now() + this.#options.timeout,
        resolve,
        reject,
        worker: undefined,
      };
      // Requests that have their context in a worker that lives may finish.
      if (this.#closed || place.worker === undefined && !this.#breaker.allows()) {
        return reject(
          this.#unavailable(pending, this.#closed ? "the module was stopped" : "the module is disabled"),
        );
      }
      if (place.worker !== undefined && !this.#duties.has(place.worker)) {
        return reject(this.#unavailable(pending, "the worker with its context is gone"));
      }
      const worker = place.worker ?? this.#pick();
      this.#pending.set(call[0], pending);
      this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP);
      if (worker === undefined) this.#waiting.push(pending);
      else this.#give(pending, worker);
    });
  }

  /** A request is over: its context can be forgotten. */
  forget(place: Place): void {
    const duty = place.worker && this.#duties.get(place.worker);
    if (duty === undefined) return;
    duty.requests--;
    this.#endIfDone(place.worker!, duty);
  }

  /** A call has ended. */
  replied(worker: HookWorker, [id, outcome, ...rest]: Reply): void {
    const pending = this.#pending.get(id);
    if (pending?.worker !== worker) return;
    this.#settle(pending);
    if (outcome === OUTCOME.nothing) pending.resolve(undefined);
    else if (outcome === OUTCOME.result) pending.resolve(rest[0]);
    else if (outcome === OUTCOME.refused && isErrorType(rest[0])) {
      pending.reject(new ProxyError(rest[0], oneLine(rest[1])));
    } else pending.reject(this.#unavailable(pending, String(rest[0])));
  }

  /** A worker said something on its own. */
  noticed(worker: HookWorker, notice: Notice): void {
    const { name } = this.#settings;
    switch (notice[1]) {
      case "log":
        if (this.#mayLog()) logAt(notice[2], `${name}: ${oneLine(notice[3])}`);
        break;
      case "denied":
        if (this.#mayLog()) getLogger("postern").warn(`${name}: refused: ${oneLine(notice[2])}`);
        break;
      case "used":
        this.#options.onUsed?.(String(notice[2]));
        break;
      case "stuck":
        this.#lose(worker, oneLine(notice[2]));
        break;
      case "memory":
        this.#weigh(worker, Number(notice[2]));
        break;
      case "stopped":
        this.#stopped?.();
    }
  }

  #mayLog(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) {
      const dropped = this.#lines - MAX_LINES;
      if (dropped > 0) {
        getLogger("postern").warn(`${this.#settings.name}: ${dropped} of its log lines dropped`);
      }
      this.#second = second;
      this.#lines = 0;
    }
    return ++this.#lines <= MAX_LINES;
  }

  /** A worker ended by itself. */
  died(worker: HookWorker, cause: string): void {
    this.#lose(worker, cause);
  }

  async #add(): Promise<Declarations> {
    const worker = new HookWorker(this.#settings, this);
    this.#starting.add(worker);
    try {
      const declarations = await worker.ready;
      this.#duties.set(worker, { calls: 0, requests: 0, endsAt: Infinity });
      this.#active.push(worker);
      if (this.#serving) worker.send([0, "start"]);
      for (const pending of this.#waiting.splice(0)) this.#give(pending, worker);
      return declarations;
    } catch (error) {
      worker.end();
      throw error;
    } finally {
      this.#starting.delete(worker);
    }
  }

  /** The worker with the fewest calls under way. */
  #pick(): HookWorker | undefined {
    let best: HookWorker | undefined;
    let fewest = Infinity;
    for (const worker of this.#active) {
      const { calls } = this.#duties.get(worker)!;
      if (calls < fewest) [best, fewest] = [worker, calls];
    }
    return best;
  }

  #give(pending: Pending, worker: HookWorker): void {
    const { place } = pending;
    const duty = this.#duties.get(worker)!;
    duty.calls++;
    pending.worker = worker;
    if (place.request !== 0 && place.worker !== worker) {
      place.worker = worker;
      duty.requests++;
    }
    const [id, hook, request, session, first, ...rest] = pending.call;
    if (!(first instanceof Uint8Array)) return worker.send(pending.call);
    // What is sent is gone here: a chunk may be needed for another worker, another attempt, or when the hook fails.
    const chunk = first.slice();
    worker.send([id, hook, request, session, chunk, ...rest], chunk.buffer);
  }

  /** Takes a call off the books. */
  #settle(pending: Pending): void {
    this.#pending.delete(pending.call[0]);
    const duty = pending.worker && this.#duties.get(pending.worker);
    if (duty === undefined) return;
    duty.calls--;
    this.#endIfDone(pending.worker!, duty);
  }

  #endIfDone(worker: HookWorker, { calls, requests, endsAt }: Duty): void {
    if (endsAt === Infinity || calls > 0 || requests > 0) return;
    this.#duties.delete(worker);
    worker.end();
  }

  #sweep(): void {
    if (this.#pending.size === 0) {
      clearInterval(this.#sweeping);
      this.#sweeping = undefined;
      return;
    }
    const now = performance.now();
    for (const [worker, { calls }] of this.#duties) {
      const silence = worker.silence(now);
      if (silence > STUCK) {
        this.#lose(worker, `it was stuck for ${STUCK} ms`);
      } else if (silence > QUIET && Deno.memoryUsage().rss - this.#rss > this.#options.memoryLimit) {
        this.#lose(worker, `it was stuck and took more than ${this.#limit} of memory`);
      } else if (calls > 0) {
        worker.ping(now);
      }
    }
    for (const pending of this.#pending.values()) if (now >= pending.deadline) this.#expire(pending);
  }

  #beat(): void {
    const now = performance.now();
    this.#rss = Deno.memoryUsage().rss;
    for (const [worker, { endsAt }] of this.#duties) {
      if (worker.silence(now) > BEAT) this.#lose(worker, `it was stuck for ${BEAT} ms`);
      else if (now >= endsAt) this.#lose(worker, "its time to finish is over");
      else worker.ping(now);
    }
  }

  /** A worker told how many bytes it holds. */
  #weigh(worker: HookWorker, bytes: number): void {
    const { memoryLimit } = this.#options;
    if (bytes > 2 * memoryLimit) this.#lose(worker, `it holds more than twice ${this.#limit}`);
    else if (bytes > memoryLimit) this.#retire(worker, `it holds more than ${this.#limit}`);
  }

  get #limit(): string {
    return `${Math.round(this.#options.memoryLimit / 1024 / 1024)} MB`;
  }

  /** A hook that waits for something that does not come: it fails, and its worker is replaced in good order. */
  #expire(pending: Pending): void {
    this.#settle(pending);
    const waiting = this.#waiting.indexOf(pending);
    if (waiting >= 0) this.#waiting.splice(waiting, 1);
    pending.reject(this.#unavailable(pending, `no answer within ${this.#options.timeout} ms`));
    const { worker } = pending;
    // A silent worker is stuck, in this call or another one, and will be found out soon.
    if (worker !== undefined && worker.silence(performance.now()) < QUIET) {
      this.#retire(worker, `hook ${pending.call[1]} gave no answer within ${this.#options.timeout} ms`);
    }
  }

  /** Takes a worker out of service and starts another; it finishes what it has begun. */
  #retire(worker: HookWorker, cause: string): void {
    const duty = this.#duties.get(worker);
    if (duty === undefined || duty.endsAt !== Infinity) return;
    duty.endsAt = performance.now() + GRACE;
    this.#active = this.#active.filter((other) => other !== worker);
    this.#replace(worker, cause);
    this.#endIfDone(worker, duty);
  }

  /** A worker is gone, or has to go at once. The call that it was running fails; others are given to another worker. */
  #lose(worker: HookWorker, cause: string): void {
    const duty = this.#duties.get(worker);
    if (duty === undefined) return;
    const wasActive = duty.endsAt === Infinity;
    this.#drop(worker, cause);
    if (wasActive) this.#replace(worker, cause);
    else getLogger("postern").error(`${this.#settings.name}: worker ${worker.number} ended: ${cause}`);
    for (const pending of this.#waiting.splice(0)) {
      const other = this.#pick();
      if (other === undefined) this.#waiting.push(pending);
      else this.#give(pending, other);
    }
  }

  /** Ends a worker; its calls fail, or wait for another one. */
  #drop(worker: HookWorker, cause: string): void {
    const { current } = worker;
    this.#duties.delete(worker);
    this.#active = this.#active.filter((other) => other !== worker);
    worker.end();
    for (const pending of this.#pending.values()) {
      if (pending.worker !== worker) continue;
      pending.worker = undefined;
      if (pending.repeatable && pending.call[0] !== current) {
        // Whoever is to blame, when no call was seen running, ends only one more worker.
        if (current === 0) pending.repeatable = false;
        if (pending.place.request !== 0) pending.place.worker = undefined;
        this.#waiting.push(pending);
      } else {
        this.#settle(pending);
        pending.reject(this.#unavailable(pending, cause));
      }
    }
  }

  #replace(worker: HookWorker, cause: string): void {
    const pause = this.#breaker.failed();
    const log = getLogger("postern");
    const { name } = this.#settings;
    log.error(`${name}: worker ${worker.number} is replaced: ${cause}`);
    if (!this.#breaker.allows()) {
      log.error(`${name}: disabled for ${Math.ceil(pause / 1000)} s: it failed too often`);
      for (const pending of this.#waiting.splice(0)) {
        this.#settle(pending);
        pending.reject(this.#unavailable(pending, "the module is disabled"));
      }
    }
    this.#startAfter(pause);
  }

  #startAfter(pause: number): void {
    const timer = setTimeout(async () => {
      this.#restarts.delete(timer);
      try {
        await this.#add();
      } catch (error) {
        if (this.#closed) return;
        const again = this.#breaker.failed();
        getLogger("postern").error(`${messageOf(error)}; starting it again in ${Math.ceil(again) / 1000} s`);
        this.#startAfter(again);
      }
    }, pause);
    this.#restarts.add(timer);
  }

  #unavailable({ call }: Pending, cause: string): ProxyError {
    return new ProxyError("hook_unavailable", `${this.#settings.name}: hook ${call[1]}: ${oneLine(cause)}`);
  }
}

function oneLine(text: unknown): string {
  // deno-lint-ignore no-control-regex
  return String(text).replaceAll(/[\x00-\x1f\x7f]+/g, " ");
}

function logAt(level: unknown, text: string): void {
  const log = getLogger("postern");
  if (level === "ERROR" || level === "CRITICAL") log.error(text);
  else if (level === "WARN") log.warn(text);
  else if (level === "INFO") log.info(text);
  else log.debug(text);
}
