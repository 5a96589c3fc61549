/**
 * One worker with a hook module in it, as the proxy sees it.
 *
 * @module
 */
import { messageOf } from "../http/errors.ts";
import {
  type Call,
  type Command,
  type Declarations,
  type Init,
  type Notice,
  PULSE,
  type Ready,
  type Reply,
} from "./protocol.ts";
import { setImmediate } from "node:timers";

/** A worker has to have loaded its module within this time, in milliseconds. */
const LOAD_TIME = 10_000;
/** Deno's line for a worker that failed before it could speak. */
const PREFIX = /^Uncaught (?:\(in promise\) )?/;

/** What a worker is made with. */
export interface WorkerSettings {
  /** The module's file URL. */
  url: string;
  /** The module's name in texts. */
  name: string;
  /** The permissions that it gets, and no others. */
  permissions: Deno.PermissionOptionsObject;
  /** Peers as JSON to use instead of the module's own. */
  upstreams: string[] | undefined;
  /** Whether reached addresses are reported. */
  audit: boolean;
}

/** Who hears of a worker. */
export interface WorkerObserver {
  /** A call has ended. */
  replied(worker: HookWorker, reply: Reply): void;
  /** The worker said something on its own. */
  noticed(worker: HookWorker, notice: Notice): void;
  /** The worker ended by itself. */
  died(worker: HookWorker, cause: string): void;
}

/** A module could not be loaded; a line for every problem. */
export class LoadError extends Error {
  /** What is wrong, one text each. */
  readonly problems: readonly string[];

  /** Takes the problems. */
  constructor(name: string, problems: readonly string[]) {
    super(
      problems.map((problem) => problem.startsWith(`${name}:`) ? problem : `${name}: ${problem}`)
        // deno-lint-ignore no-control-regex
        .map((line) => line.replaceAll(/[\x00-\x1f\x7f]+/g, " ")).join("\n"),
    );
    this.name = "LoadError";
    this.problems = problems;
  }
}

let count = 0;

/** A worker. Calls that fall due in one turn of the event loop cross in one message. */
export class HookWorker {
  /** Counts the workers of the process. */
  readonly number = ++count;
  /** Resolves with what the module declares; rejects with a {@linkcode LoadError} when it cannot be used. */
  readonly ready: Promise<Declarations>;
  /** When it was last asked for a sign of life and has not answered; Infinity if it has. */
  pingedAt = Infinity;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #pulse = new Int32Array(new SharedArrayBuffer(4 * PULSE.size));
  #pings = 0;
  #outbox: (Call | Command)[] = [];
  #transfers: Transferable[] = [];
  #unanswered = 0;
  #ended = false;
  readonly #failLoading: (problem: string) => void;

  /** Starts it. */
  constructor(settings: WorkerSettings, observer: WorkerObserver) {
    const { url, name, permissions, upstreams, audit } = settings;
    const { port1, port2 } = new MessageChannel();
    const loaded = Promise.withResolvers<Declarations>();
    this.ready = loaded.promise;
    this.ready.catch(() => {});
    this.#port = port1;
    try {
      this.#worker = new Worker(entryOf(url), {
        type: "module",
        name,
        deno: { permissions },
      } as WorkerOptions);
    } catch (error) {
      port1.close();
      port2.close();
      throw new LoadError(name, [messageOf(error)]);
    }
    this.#failLoading = (problem) => loaded.reject(new LoadError(name, [problem]));
    const late = setTimeout(() => this.end(`it was not loaded within ${LOAD_TIME / 1000} s`), LOAD_TIME);
    loaded.promise.catch(() => {}).finally(() => clearTimeout(late));
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const cause = event.message.replace(PREFIX, "").split("\n")[0]!;
      if (this.#ended) return;
      this.end(cause);
      observer.died(this, cause);
    };
    port1.onmessage = ({ data }) => {
      // What the module says or tries while it loads comes before it is ready.
      if (Array.isArray(data)) return this.#hear(data, observer);
      const first = data as Ready;
      if ("problems" in first) loaded.reject(new LoadError(name, first.problems));
      else loaded.resolve(first.declarations);
      port1.onmessage = ({ data }) => this.#hear(data, observer);
    };
    const mayRun = Array.isArray(permissions.run);
    const init: Init = { port: port2, pulse: this.#pulse, name, upstreams, audit, mayRun };
    this.#worker.postMessage(init, [port2]);
  }

  /** Whether it was ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The call whose synchronous part runs at this moment, 0 if none does. */
  get current(): number {
    return Atomics.load(this.#pulse, PULSE.current);
  }

  /** Sends a call or a command, together with all others of this turn. */
  send(message: Call | Command, transfer?: ArrayBuffer): void {
    if (this.#outbox.length === 0) {
      // Alone, a call had better not wait for the turn's end; among others, it crosses with them.
      if (this.#unanswered === 0) queueMicrotask(() => this.#flush());
      else setImmediate(() => this.#flush());
    }
    this.#outbox.push(message);
    if (message[0] !== 0) this.#unanswered++;
    if (transfer !== undefined) this.#transfers.push(transfer);
  }

  /** Asks for a sign of life, unless that was done already; for how long none has come, in milliseconds. */
  silence(now: number): number {
    if (this.pingedAt !== Infinity) {
      if (Atomics.load(this.#pulse, PULSE.ping) !== this.#pings) return now - this.pingedAt;
      this.pingedAt = Infinity;
    }
    return 0;
  }

  /** Asks for a sign of life. */
  ping(now: number): void {
    if (this.pingedAt !== Infinity) return;
    this.pingedAt = now;
    this.send([0, "ping", ++this.#pings]);
  }

  /** Ends it, whatever it does; `cause` is the problem when it is still loading. */
  end(cause = "it was ended"): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failLoading(cause);
    this.#port.close();
    this.#worker.terminate();
  }

  #flush(): void {
    const messages = this.#outbox;
    const transfers = this.#transfers;
    this.#outbox = [];
    this.#transfers = [];
    if (this.#ended) return;
    if (transfers.length > 0) this.#port.postMessage(messages, transfers);
    else this.#port.postMessage(messages);
  }

  #hear(messages: unknown, observer: WorkerObserver): void {
    for (const message of Array.isArray(messages) ? messages : [messages]) {
      try {
        if (message[0] === 0) {
          observer.noticed(this, message as Notice);
        } else {
          this.#unanswered--;
          observer.replied(this, message as Reply);
        }
      } catch (error) {
        // Only a worker that means harm says what cannot be understood.
        this.end();
        observer.died(this, `it does not keep to the protocol: ${messageOf(error)}`);
        return;
      }
    }
  }
}

/**
 * The worker's first module. It is read with the permissions of the proxy, as are the files that it names literally:
 * the worker needs no permission to read.
 */
function entryOf(url: string): string {
  const guest = new URL("./guest.ts", import.meta.url).href;
  const text = `import { serveModule } from ${JSON.stringify(guest)};
await serveModule(() => import(${JSON.stringify(url)}));`;
  return `data:text/javascript,${encodeURIComponent(text)}`;
}
