/**
 * The workers of one module, kept alive: one that fails is ended, and replaced after a pause.
 *
 * @module
 */
import type { BreakerOptions } from "./breaker.ts";
import { HookWorker, type WorkerObserver, type WorkerSettings } from "./hook_worker.ts";
import { ModuleLog, oneLine } from "./module_log.ts";
import type { Declarations, Notice, Reply } from "./protocol.ts";
import { Restarts } from "./restarts.ts";
import { type Finding, Vitals } from "./vitals.ts";

/** How often a worker is asked for its memory, in milliseconds. */
const BEAT = 1_000;
/** A worker that was replaced may finish the requests it has begun for so long, in milliseconds. */
const GRACE = 30_000;
/** Background services get this long to end, in milliseconds: less than the proxy waits for. */
const LAST_WORDS = 900;

/** Settings of a module's workers. */
export interface CrewOptions {
  /** How many. @default {1} */
  workers?: number;
  /** A worker that holds more bytes is replaced. @default {134_217_728} */
  memoryLimit?: number;
  /** When the module is disabled. */
  breaker?: BreakerOptions;
  /** Told of every address that a hook reaches. */
  onUsed?: (address: string) => void;
}

/** Who gives work to a crew. */
export interface CrewUser {
  /** A call has ended. */
  replied(worker: HookWorker, reply: Reply): void;
  /** A worker is ready for work. */
  joined(worker: HookWorker): void;
  /** A worker is gone: what it was doing is not done. */
  lost(worker: HookWorker, cause: string): void;
  /** The module has failed too often, and gets no worker for a while. */
  disabled(): void;
}

/** What a worker has to do. */
interface Duty {
  /** Calls under way. */
  calls: number;
  /** Requests whose context it keeps. */
  requests: number;
  /** When a worker that was replaced is ended at the latest. */
  endsAt: number;
}

/** The workers of a module. */
export class Crew implements WorkerObserver {
  readonly #settings: WorkerSettings;
  readonly #options: Required<Omit<CrewOptions, "onUsed">> & Pick<CrewOptions, "onUsed">;
  readonly #user: CrewUser;
  readonly #log: ModuleLog;
  readonly #restarts: Restarts;
  readonly #vitals: Vitals;
  readonly #duties = new Map<HookWorker, Duty>();
  readonly #starting = new Set<HookWorker>();
  #active: HookWorker[] = [];
  #beating: ReturnType<typeof setInterval> | undefined;
  #serving = false;
  #closed = false;
  #stopped: (() => void) | undefined;

  constructor(settings: WorkerSettings, options: CrewOptions, user: CrewUser) {
    this.#settings = settings;
    this.#options = { workers: 1, memoryLimit: 128 * 1024 * 1024, breaker: {}, ...options };
    this.#user = user;
    this.#vitals = new Vitals(this.#options.memoryLimit);
    this.#log = new ModuleLog(settings.name);
    this.#restarts = new Restarts(this.#log, () => this.#add(), this.#options.breaker);
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the module may be given new work. */
  get enabled(): boolean {
    return this.#restarts.enabled;
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
    let left = this.#serving ? this.#active.length : 0;
    if (left > 0) {
      const stopped = new Promise<void>((resolve) => this.#stopped = () => --left === 0 && resolve());
      for (const worker of this.#active) worker.send([0, "stop"]);
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([stopped, new Promise((resolve) => timer = setTimeout(resolve, LAST_WORDS))]);
      clearTimeout(timer);
    }
    this.close();
  }

  /** Ends all workers at once. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#beating);
    this.#restarts.close();
    for (const worker of [...this.#starting, ...this.#duties.keys()]) worker.end("the module was stopped");
    this.#duties.clear();
    this.#active = [];
  }

  /** The worker with the fewest calls under way, if there is any. */
  pick(): HookWorker | undefined {
    let best: HookWorker | undefined;
    let fewest = Infinity;
    for (const worker of this.#active) {
      const { calls } = this.#duties.get(worker)!;
      if (calls < fewest) [best, fewest] = [worker, calls];
    }
    return best;
  }

  /** Whether a worker still works, if only to finish what it has begun. */
  has(worker: HookWorker): boolean {
    return this.#duties.has(worker);
  }

  /** Counts a call, or a request whose context is kept, of a worker: one more or one less. */
  count(worker: HookWorker, what: "calls" | "requests", change: 1 | -1): void {
    const duty = this.#duties.get(worker);
    if (duty === undefined) return;
    duty[what] += change;
    if (change < 0) this.#endIfDone(worker, duty);
  }

  /** Looks for workers that give no sign of life; those that have work are asked for one. */
  look(now: number): void {
    for (const [worker, { calls }] of this.#duties) {
      if (!this.#isUnwell(worker, this.#vitals.bySilence(worker, now, true)) && calls > 0) worker.ping(now);
    }
  }

  /** A worker did not answer in time. One that is silent is stuck, and will be found out soon. */
  late(worker: HookWorker, cause: string): void {
    if (this.#vitals.isHeard(worker)) this.#retire(worker, cause);
  }

  /** A call has ended. */
  replied(worker: HookWorker, reply: Reply): void {
    this.#user.replied(worker, reply);
  }

  /** A worker said something on its own. */
  noticed(worker: HookWorker, notice: Notice): void {
    switch (notice[1]) {
      case "log":
        this.#log.say(notice[2], notice[3]);
        break;
      case "denied":
        this.#log.say("WARN", `refused: ${notice[2]}`);
        break;
      case "used":
        this.#options.onUsed?.(String(notice[2]));
        break;
      case "stuck":
        this.#lose(worker, oneLine(notice[2]));
        break;
      case "memory":
        this.#isUnwell(worker, this.#vitals.byMemory(Number(notice[2])));
        break;
      case "stopped":
        this.#stopped?.();
    }
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
      this.#user.joined(worker);
      return declarations;
    } catch (error) {
      worker.end();
      throw error;
    } finally {
      this.#starting.delete(worker);
    }
  }

  #endIfDone(worker: HookWorker, { calls, requests, endsAt }: Duty): void {
    if (endsAt === Infinity || calls > 0 || requests > 0) return;
    this.#duties.delete(worker);
    worker.end();
  }

  #beat(): void {
    const now = performance.now();
    this.#vitals.rest();
    for (const [worker, { endsAt }] of this.#duties) {
      if (now >= endsAt) this.#lose(worker, "its time to finish is over");
      else if (!this.#isUnwell(worker, this.#vitals.bySilence(worker, now, false))) worker.ping(now);
    }
  }

  /** Does what a finding asks for, if there is one. */
  #isUnwell(worker: HookWorker, finding: Finding | undefined): boolean {
    if (finding === undefined) return false;
    if (finding.atOnce) this.#lose(worker, finding.cause);
    else this.#retire(worker, finding.cause);
    return true;
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

  /** A worker is gone, or has to go at once. */
  #lose(worker: HookWorker, cause: string): void {
    const duty = this.#duties.get(worker);
    if (duty === undefined) return;
    this.#duties.delete(worker);
    this.#active = this.#active.filter((other) => other !== worker);
    worker.end();
    if (duty.endsAt === Infinity) this.#replace(worker, cause);
    else this.#log.error(`worker ${worker.number} ended: ${cause}`);
    this.#user.lost(worker, cause);
  }

  #replace(worker: HookWorker, cause: string): void {
    this.#log.error(`worker ${worker.number} is replaced: ${cause}`);
    if (!this.#restarts.failed()) this.#user.disabled();
  }
}
