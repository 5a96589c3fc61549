/**
 * Taking away from a worker what Deno's permissions leave it: the worker could signal or end the process, write to its
 * output, listen for its signals, share a cache or a channel with other workers, and make code from text.
 *
 * Everything that asks for a permission stays, and reports when it was refused.
 *
 * @module
 */

/** Who is told of what hooks do. */
export interface Watch {
  /** A hook tried what it may not. */
  denied(what: string): void;
  /** A hook reached an address, when that is of interest. */
  used: ((address: string) => void) | undefined;
  /** A hook wrote to the console. */
  log(level: string, text: string): void;
}

/** Functions of the namespace that Deno itself allows or refuses by permission. */
const BY_PERMISSION = [
  ...["readTextFile", "readTextFileSync", "readFile", "readFileSync", "readDir", "readDirSync", "readLink"],
  ...[
    "readLinkSync",
    "realPath",
    "realPathSync",
    "stat",
    "statSync",
    "lstat",
    "lstatSync",
    "open",
    "openSync",
  ],
  ...["writeTextFile", "writeTextFileSync", "writeFile", "writeFileSync", "mkdir", "mkdirSync", "remove"],
  ...["removeSync", "rename", "renameSync", "copyFile", "copyFileSync", "create", "createSync", "truncate"],
  ...["truncateSync", "makeTempDir", "makeTempDirSync", "makeTempFile", "makeTempFileSync", "cwd", "watchFs"],
  ...["connect", "connectTls", "startTls", "resolveDns", "createHttpClient", "hostname", "osRelease"],
  ...["osUptime", "systemMemoryInfo", "networkInterfaces", "loadavg", "gid", "uid", "execPath", "dlopen"],
];
const HARMLESS = ["version", "build", "errors", "inspect", "noColor", "SeekMode", "FsFile", "HttpClient"];
const CONSOLE = { debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR" } as const;
/** Globals that reach beyond the worker, or make code that nobody has checked. */
const REMOVED = [
  ...["caches", "CacheStorage", "Cache", "postMessage", "close", "onmessage"],
  ...["process", "localStorage", "sessionStorage", "alert", "confirm", "prompt", "Navigator", "navigator"],
];

type Loose = Record<string, unknown>;

/** Hardens this worker for good; run before any code of the module. */
export function harden(watch: Watch, mayRun: boolean): void {
  const scope = globalThis as unknown as Loose;
  const { NotCapable } = Deno.errors;

  const refusal = (what: string) => {
    watch.denied(what);
    return new NotCapable(`${what} is not available to a sandboxed module`);
  };
  const refuse = (what: string) =>
    function refused(): never {
      throw refusal(what);
    };
  const told = (error: unknown, what: string): unknown => {
    if (error instanceof NotCapable) watch.denied(`${what}: ${error.message.replace(/, run again.*/s, "")}`);
    return error;
  };
  const guarded = (what: string, f: (...args: unknown[]) => unknown) => (...args: unknown[]): unknown => {
    watch.used?.(addressOf(what, args));
    try {
      const result = f(...args);
      return result instanceof Promise ? result.catch((error) => Promise.reject(told(error, what))) : result;
    } catch (error) {
      throw told(error, what);
    }
  };
  const guardedClass = (name: string) => {
    const Original = scope[name] as new (...args: unknown[]) => object;
    return class extends Original {
      constructor(...args: unknown[]) {
        watch.used?.(addressOf(name, args));
        try {
          super(...args);
        } catch (error) {
          throw told(error, name);
        }
      }
    };
  };

  const own = Deno as unknown as Loose;
  const reduced: Loose = Object.create(null);
  for (const name of Object.keys(own)) reduced[name] = refuse(`Deno.${name}`);
  for (const name of HARMLESS) reduced[name] = own[name];
  for (const name of BY_PERMISSION) {
    reduced[name] = guarded(`Deno.${name}`, own[name] as () => unknown);
  }
  for (const name of ["stdin", "stdout", "stderr", "args", "pid", "ppid", "mainModule"]) delete reduced[name];
  const { env, permissions } = Deno as unknown as { env: Loose; permissions: Loose };
  reduced.env = Object.freeze(Object.fromEntries(
    ["get", "has", "set", "delete", "toObject"].map((name) => [
      name,
      guarded(`Deno.env.${name}`, (...args) => (env[name] as (...args: unknown[]) => unknown)(...args)),
    ]),
  ));
  reduced.permissions = Object.freeze({
    query: (descriptor: unknown) => (permissions.query as (d: unknown) => unknown)(descriptor),
    querySync: (descriptor: unknown) => (permissions.querySync as (d: unknown) => unknown)(descriptor),
  });
  if (mayRun) reduced.Command = own.Command;

  const fetching = guarded("fetch", fetch as (...args: unknown[]) => unknown);
  const sockets = { WebSocket: guardedClass("WebSocket"), EventSource: guardedClass("EventSource") };
  const speaking = Object.fromEntries(
    Object.entries(CONSOLE).map(([name, level]) => [
      name,
      (...args: unknown[]) =>
        watch.log(level, args.map((arg) => typeof arg === "string" ? arg : Deno.inspect(arg)).join(" ")),
    ]),
  );
  const silent = Object.fromEntries(Object.keys(console).map((name) => [name, () => {}]));

  disableCodeFromText(refuse);
  fixBuiltIns();
  for (const name of REMOVED) define(scope, name, undefined);
  define(scope, "Worker", refuse("Worker"));
  define(scope, "BroadcastChannel", refuse("BroadcastChannel"));
  define(scope, "fetch", fetching);
  for (const [name, socket] of Object.entries(sockets)) define(scope, name, socket);
  define(scope, "console", Object.freeze({ ...silent, ...speaking }));
  define(scope, "Deno", Object.freeze(reduced));
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
  for (const builtIn of [Array, Map, WeakMap, Promise, MessagePort, MessageEvent, String]) {
    Object.freeze(builtIn.prototype);
    Object.freeze(builtIn);
  }
  for (const builtIn of [JSON, Atomics, Math, Reflect]) Object.freeze(builtIn);
  // Not frozen: modules set toString and the like on objects of their own.
  Object.preventExtensions(Object.prototype);
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: false, configurable: false, enumerable: false });
}

/** The `host:port` that a call asks for, as far as its arguments tell. */
function addressOf(what: string, args: readonly unknown[]): string {
  const [first] = args;
  if (what.startsWith("Deno.")) {
    const { hostname = "127.0.0.1", port } = (first ?? {}) as { hostname?: string; port?: number };
    return port === undefined ? "" : `${hostname}:${port}`;
  }
  try {
    const { protocol, hostname, port } = new URL(first instanceof Request ? first.url : String(first));
    return `${hostname}:${port || (/^(https|wss):$/.test(protocol) ? 443 : 80)}`;
  } catch {
    return "";
  }
}
