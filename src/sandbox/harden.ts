/**
 * Taking away from a worker what Deno's permissions leave it: the worker could signal or end the process, write to its
 * output, listen for its signals, share a cache or a channel with other workers, and make code from text.
 *
 * Everything that asks for a permission stays, and reports when it was refused.
 *
 * @module
 */
import { BY_PERMISSION } from "./asked_for.ts";
import { Guards, type Watch } from "./guarded.ts";

const HARMLESS = ["version", "build", "errors", "inspect", "noColor", "SeekMode", "FsFile", "HttpClient"];
const CONSOLE = { debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR" } as const;
/** Globals that reach beyond the worker: removed, or replaced by functions that refuse. */
const REMOVED = ["CacheStorage", "Cache", "onmessage", "Navigator", "navigator", "nodeBootstrap"];
const REFUSED = ["Worker", "BroadcastChannel", "postMessage", "close", "alert", "confirm", "prompt"];
const REFUSED_METHODS = {
  caches: ["open", "has", "delete", "keys", "match"],
  localStorage: ["getItem", "setItem", "removeItem", "clear", "key"],
  sessionStorage: ["getItem", "setItem", "removeItem", "clear", "key"],
};

type Loose = Record<string, unknown>;

/** Hardens this worker for good; run before any code of the module. */
export function harden(watch: Watch, mayRun: boolean): void {
  const scope = globalThis as unknown as Loose;
  const guards = new Guards(watch);
  const refuse = (what: string) => guards.refuse(what);
  const own = Deno as unknown as Loose;
  const reduced: Loose = Object.create(null);
  for (const name of Object.keys(own)) reduced[name] = refuse(`Deno.${name}`);
  for (const name of HARMLESS) reduced[name] = own[name];
  for (const name of Object.keys(BY_PERMISSION)) {
    if (name in own) reduced[name] = guards.guard(name, own[name]);
  }
  for (const name of ["stdin", "stdout", "stderr", "args", "pid", "ppid", "mainModule"]) delete reduced[name];
  const variables = ["get", "has", "set", "delete", "toObject"].map((name) => [name, guards.guardEnv(name)]);
  reduced.env = Object.freeze(Object.fromEntries(variables));
  const { permissions } = Deno;
  reduced.permissions = Object.freeze({
    query: (descriptor: Deno.PermissionDescriptor) => permissions.query(descriptor),
    querySync: (descriptor: Deno.PermissionDescriptor) => permissions.querySync(descriptor),
  });
  if (mayRun) reduced.Command = own.Command;

  const speaking = Object.fromEntries(
    Object.entries(CONSOLE).map(([name, level]) => [name, guards.speak(level)]),
  );
  const silent = Object.fromEntries(Object.keys(console).map((name) => [name, () => {}]));

  disableCodeFromText(refuse);
  fixBuiltIns();
  for (const name of REMOVED) define(scope, name, undefined);
  for (const name of REFUSED) define(scope, name, refuse(name));
  for (const [name, methods] of Object.entries(REFUSED_METHODS)) {
    const refused = methods.map((method) => [method, refuse(`${name}.${method}`)]);
    define(scope, name, Object.freeze(Object.fromEntries(refused)));
  }
  define(scope, "process", processStub(scope.process as Loose, refuse, watch));
  define(scope, "fetch", guards.guardFetch(fetch));
  for (const name of ["WebSocket", "EventSource"]) define(scope, name, guards.guardClass(name));
  define(scope, "console", Object.freeze({ ...silent, ...speaking }));
  define(scope, "Deno", Object.freeze(reduced));
}

/** What the modules of Node want of a process, and nothing that acts on one. */
function processStub(own: Loose, refuse: (what: string) => () => never, { log }: Watch): object {
  const names = Object.keys(own).filter((name) => typeof own[name] === "function");
  return Object.freeze({
    ...Object.fromEntries(names.map((name) => [name, refuse(`process.${name}`)])),
    env: Object.freeze({}),
    argv: Object.freeze([]),
    platform: own.platform,
    nextTick: own.nextTick,
    emitWarning: (warning: unknown) => log("WARN", String(warning)),
  });
}

/** `eval`, `Function` and its kin would bring in code, with imports, that the check of the module's files has not seen. */
function disableCodeFromText(refuse: (what: string) => () => never): void {
  define(globalThis, "eval", refuse("eval"));
  const makers = [function () {}, async function () {}, function* () {}, async function* () {}];
  for (const example of makers) {
    const prototype = Object.getPrototypeOf(example);
    const { name } = prototype.constructor;
    const refused = refuse(name);
    define(refused, "prototype", prototype);
    define(prototype, "constructor", refused);
    if (prototype === Function.prototype) define(globalThis, "Function", refused);
  }
}

/** What the worker's own side runs on is fixed, so that a module cannot come between it and the proxy. */
function fixBuiltIns(): void {
  for (const builtIn of [Array, Map, WeakMap, Promise, MessageEvent, String]) {
    Object.freeze(builtIn.prototype);
    Object.freeze(builtIn);
  }
  // What arrives is handed to the port by way of these; Deno sets members of the same names on ports.
  for (const builtIn of [MessagePort, EventTarget, Event]) fixMembers(builtIn.prototype);
  for (const error of Object.values(Deno.errors)) Object.freeze(error);
  for (const builtIn of [JSON, Atomics, Math, Reflect]) Object.freeze(builtIn);
  // Not frozen: modules set toString and the like on objects of their own.
  Object.preventExtensions(Object.prototype);
}

/** As freezing, but objects that inherit may have members of their own by the same names. */
function fixMembers(prototype: object): void {
  for (const key of Reflect.ownKeys(prototype)) {
    const { value, writable, configurable } = Object.getOwnPropertyDescriptor(prototype, key)!;
    if (!configurable) continue;
    if (!writable) Object.defineProperty(prototype, key, { configurable: false });
    else {
      Object.defineProperty(prototype, key, {
        get: () => value,
        set(this: object, own) {
          if (this === prototype) throw new TypeError(`Cannot change ${String(key)} in a sandboxed module`);
          Object.defineProperty(this, key, {
            value: own,
            writable: true,
            configurable: true,
            enumerable: true,
          });
        },
        configurable: false,
      });
    }
  }
  Object.preventExtensions(prototype);
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: false, configurable: false, enumerable: false });
}
