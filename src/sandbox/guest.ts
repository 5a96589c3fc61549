/**
 * The worker's side: hardens the worker, loads the module, and calls its hooks for the proxy.
 *
 * Evaluated before the module. What both sides talk over is reachable from here alone.
 *
 * @module
 */
import { BaseHandler, setup } from "@std/log";
import { ProxyError } from "../http/errors.ts";
import { supervise } from "../proxy/background.ts";
import type { BackgroundService, ProxyModule, UpstreamGroup } from "../proxy/hooks.ts";
import { checkModule, hooksOf, ModuleError } from "../proxy/module.ts";
import type { Peer } from "../upstream/peer.ts";
import { type GuestHook, guestHooks } from "./guest_hooks.ts";
import { cut, Outbox, type Send, textOf } from "./guest_outbox.ts";
import { GuestSession, KnownPeers } from "./guest_session.ts";
import { guardTimers, makeGuard } from "./guard.ts";
import { harden } from "./harden.ts";
import {
  type Call,
  type Command,
  type Declarations,
  type HookName,
  type Init,
  type Notice,
  OUTCOME,
  PULSE,
  type Ready,
  type Reply,
} from "./protocol.ts";
import { setImmediate } from "node:timers";

/** Code that keeps the thread for longer is stopped, in milliseconds; the proxy has given the worker up by then. */
const LIMIT = 500;
const init = await new Promise<Init>((resolve) => {
  addEventListener("message", (event) => resolve((event as MessageEvent<Init>).data), { once: true });
});
const { port, pulse } = init;
const send = port.postMessage.bind(port) as Send;
const { memoryUsage } = Deno;
const nextTurn = setImmediate;
const store = Atomics.store;

let receive: (messages: (Call | Command)[]) => void = () => {};
// Set before the module is loaded, which could put itself in the place of the setter.
port.onmessage = ({ data }) => receive(data);

const outbox = new Outbox(send);
const say = (message: Reply | Notice) => outbox.say(message);
const log = (level: string, text: string) => say([0, "log", level, cut(text)]);

class HostHandler extends BaseHandler {
  override handle(record: { levelName: string; msg: string }): void {
    log(record.levelName, record.msg);
  }
  override log(): void {}
}
setup({
  handlers: { host: new HostHandler("DEBUG") },
  loggers: { default: { level: "DEBUG", handlers: ["host"] } },
});
const guard = makeGuard(LIMIT);
const stuck = () => say([0, "stuck", `it was stuck for ${LIMIT} ms`]);
guardTimers(guard, stuck);
harden({
  log,
  denied: (what) => say([0, "denied", cut(what)]),
  used: init.audit ? (address) => void (address !== "" && say([0, "used", cut(address)])) : undefined,
}, init.mayRun);

// What a hook leaves unhandled is a line in the log; the worker lives on.
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  log("ERROR", `unhandled rejection: ${textOf(event.reason)}`);
});
addEventListener("error", (event) => {
  event.preventDefault();
  log("ERROR", `uncaught error: ${textOf(event.error)}`);
});

/** Loads the module, says what it declares, and from then on calls its hooks. Never rejects. */
export async function serveModule(load: () => Promise<Record<string, unknown>>): Promise<void> {
  let module: ProxyModule;
  try {
    module = checkModule(init.name, await load(), true);
    const given = init.upstreams?.map((text): Peer => JSON.parse(text));
    if (given !== undefined) replaceUpstreams(module, given);
    const ready: Ready = { declarations: declarationsOf(module) };
    new Guest(module);
    send(ready);
  } catch (error) {
    const problems = error instanceof ModuleError ? error.problems : [textOf(error)];
    send({ problems: problems.map(cut) } satisfies Ready);
  }
}

function replaceUpstreams({ upstreams }: ProxyModule, given: Peer[]): void {
  if (Array.isArray(upstreams)) upstreams.splice(0, upstreams.length, ...given);
  else upstreams?.replace(given);
}

function declarationsOf(module: ProxyModule): Declarations {
  const { upstreams = [], listen, listener, net, permissions, options, backgroundServices = [] } = module;
  const peers = Array.isArray(upstreams) ? upstreams : (upstreams as UpstreamGroup).peers;
  return structuredClone({
    hooks: hooksOf(module) as HookName[],
    listen,
    listener: listener as Record<string, unknown> | undefined,
    net: net && [...net],
    permissions: permissions as Declarations["permissions"],
    upstreams: peers.map((peer) => JSON.stringify(peer)),
    options: options as Record<string, unknown> | undefined,
    hasServices: backgroundServices.length > 0,
  });
}

/** A request whose context is kept. */
interface Kept {
  session: GuestSession;
  context: unknown;
}

class Guest {
  readonly #module: ProxyModule;
  readonly #peers = new KnownPeers();
  readonly #hooks: Partial<Record<HookName, GuestHook>>;
  readonly #kept = new Map<number, Kept | Promise<Kept>>();
  #stopping = new AbortController();

  constructor(module: ProxyModule) {
    this.#module = module;
    this.#hooks = guestHooks(module, this.#peers);
    receive = (messages) => {
      const work = () => {
        for (const message of messages) {
          if (message[0] === 0) this.#obey(message as Command);
          else this.#call(message as Call);
        }
        // Whoever is done has its reply on the way before the microtasks of others, which may not come to an end.
        outbox.flush();
      };
      // A message arrives within a microtask, where those of the work could not be run before its end.
      nextTurn(() => void (guard(work) || stuck()));
    };
  }

  #obey([, command, number]: Command): void {
    if (command === "ping") {
      store(pulse, PULSE.ping, number);
      const { heapTotal, external } = memoryUsage();
      say([0, "memory", heapTotal + external]);
    } else if (command === "start") {
      const { backgroundServices = [] } = this.#module;
      const { signal } = this.#stopping;
      const done = backgroundServices.map((service: BackgroundService) => supervise(service, signal));
      void Promise.all(done).then(() => say([0, "stopped"]));
    } else {
      this.#stopping.abort();
    }
  }

  /** Calls a hook; the proxy sees in shared memory which one is running, should it never come back. */
  #call(call: Call): void {
    const [id] = call;
    store(pulse, PULSE.current, id);
    try {
      const result = this.#run(call);
      if (result instanceof Promise) result.then((value) => reply(call, value), (error) => fail(id, error));
      else reply(call, result);
    } catch (error) {
      fail(id, error);
    }
    store(pulse, PULSE.current, 0);
  }

  #run([, hook, request, view, ...args]: Call): unknown {
    const call = this.#hooks[hook]!;
    if (request === 0) return call(new GuestSession(view, this.#peers), undefined, args);
    const kept = this.#kept.get(request) ?? this.#keep(request, view);
    if (hook === "logging") this.#kept.delete(request);
    if (kept instanceof Promise) return kept.then((kept) => this.#runKept(kept, hook, view, args));
    return this.#runKept(kept, hook, view, args);
  }

  #runKept(
    { session, context }: Kept,
    hook: HookName,
    view: Call[3],
    args: unknown[],
  ): unknown {
    session.update(view);
    return this.#hooks[hook]!(session, context, args);
  }

  #keep(request: number, view: Call[3]): Kept | Promise<Kept> {
    const session = new GuestSession(view, this.#peers);
    const made = this.#module.newContext?.();
    const kept = made instanceof Promise
      ? made.then((context) => {
        const kept = { session, context };
        if (this.#kept.has(request)) this.#kept.set(request, kept);
        return kept;
      })
      : { session, context: made };
    this.#kept.set(request, kept);
    return kept;
  }
}

function reply([id, , , , first]: Call, value: unknown): void {
  if (value === undefined) return say([id, OUTCOME.nothing]);
  // A chunk goes back as it came; other bytes the module may want to use again.
  const isBack = value instanceof Uint8Array && first instanceof Uint8Array && value.buffer === first.buffer;
  outbox.say([id, OUTCOME.result, value], isBack ? value.buffer as ArrayBuffer : undefined);
}

function fail(id: number, error: unknown): void {
  if (error instanceof ProxyError) say([id, OUTCOME.refused, String(error.type), textOf(error)]);
  else say([id, OUTCOME.failed, textOf(error)]);
}
