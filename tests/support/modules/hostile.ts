/**
 * The hostile twin of `samples/sandboxed_auth.ts`: a request's `x-attack` says what it is to try.
 *
 * An attack that fails is answered with 403 and the error, one that comes through with 418 and what was gained.
 *
 * @module
 */
import { type Peer, ProxyError, type Session } from "../../../src/mod.ts";

/** What an attack may aim at. */
export interface Aims {
  /** An address that is not in its net. */
  elsewhere: string;
  /** An address that is. */
  own: string;
  /** A file. */
  file: string;
}

type Loose = Record<string, Record<string, (...args: unknown[]) => unknown>>;

const scope = globalThis as unknown as Loose;
// deno-lint-ignore no-explicit-any
const deno = Deno as any;
// deno-lint-ignore no-explicit-any
const any = (name: string) => (globalThis as any)[name];
const port = (address: string) => Number(address.split(":")[1]);

/** What can be tried, by name. */
export const ATTACKS: Record<string, (aims: Aims) => unknown> = {
  readTextFile: ({ file }) => Deno.readTextFile(file),
  readFileSync: ({ file }) => Deno.readFileSync(file),
  open: ({ file }) => Deno.open(file),
  openToWrite: ({ file }) => Deno.open(file, { write: true, create: true }),
  stat: ({ file }) => Deno.stat(file),
  readDir: async () => {
    for await (const { name } of Deno.readDir("/")) return name;
  },
  readLink: () => Deno.readLink("/proc/self/exe"),
  realPath: ({ file }) => Deno.realPath(file),
  watchFs: ({ file }) => Deno.watchFs(file),
  copyFile: ({ file }) => Deno.copyFile(file, `${file}.copy`),
  writeTextFile: ({ file }) => Deno.writeTextFile(file, "overwritten"),
  writeFileSync: ({ file }) => Deno.writeFileSync(file, new Uint8Array(1)),
  remove: ({ file }) => Deno.remove(file),
  rename: ({ file }) => Deno.rename(file, `${file}.gone`),
  truncate: ({ file }) => Deno.truncate(file),
  mkdir: ({ file }) => Deno.mkdir(`${file}.d`),
  makeTempFile: () => Deno.makeTempFile(),
  symlink: ({ file }) => Deno.symlink("/", `${file}.link`),
  chmod: ({ file }) => Deno.chmod(file, 0o777),
  chdir: () => Deno.chdir("/"),
  cwd: () => Deno.cwd(),
  umask: () => Deno.umask(0),
  fetchFile: ({ file }) => fetch(`file://${file}`).then((response) => response.text()),

  envGet: () => Deno.env.get("PATH"),
  envAll: () => Deno.env.toObject(),
  envSet: () => Deno.env.set("POSTERN_EVIL", "1"),
  envDelete: () => Deno.env.delete("PATH"),

  connect: ({ elsewhere }) => Deno.connect({ hostname: "127.0.0.1", port: port(elsewhere) }),
  connectOtherName: ({ own }) => Deno.connect({ hostname: "localhost", port: port(own) }),
  connectUnix: () => Deno.connect({ transport: "unix", path: "/var/run/docker.sock" }),
  connectTls: ({ elsewhere }) => Deno.connectTls({ hostname: "127.0.0.1", port: port(elsewhere) }),
  fetch: ({ elsewhere }) => fetch(`http://${elsewhere}/`),
  fetchRequest: ({ elsewhere }) => fetch(new Request(`http://${elsewhere}/`)),
  fetchRedirected: ({ own }) => fetch(`http://${own}/redirect`),
  fetchTwiceRedirected: ({ own }) => fetch(`http://${own}/twice`),
  fetchChangingUrl: ({ own, elsewhere }) => {
    let reads = 0;
    const url = { toString: () => `http://${reads++ === 0 ? own : elsewhere}/` };
    return fetch(url as unknown as string);
  },
  fetchByProxy: ({ own, elsewhere }) => {
    const client = Deno.createHttpClient({ proxy: { url: `http://${elsewhere}` } });
    return fetch(`http://${own}/`, { client });
  },
  fetchByUnixProxy: ({ own }) => {
    const client = deno.createHttpClient({ proxy: { transport: "unix", path: "/var/run/docker.sock" } });
    return fetch(`http://${own}/`, { client } as RequestInit);
  },
  webSocket: ({ elsewhere }) => new WebSocket(`ws://${elsewhere}/`),
  webSocketClass: ({ elsewhere }) =>
    Reflect.construct(WebSocket.prototype.constructor, [`ws://${elsewhere}/`]),
  eventSource: ({ elsewhere }) => new EventSource(`http://${elsewhere}/`),
  resolveDns: () => Deno.resolveDns("secret.example", "A"),
  resolveDnsBy: () =>
    Deno.resolveDns("secret.example", "A", { nameServer: { ipAddr: "127.0.0.1", port: 9 } }),
  hostname: () => Deno.hostname(),
  networkInterfaces: () => Deno.networkInterfaces(),

  listen: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  listenOnOwn: ({ own }) => Deno.listen({ hostname: "127.0.0.1", port: port(own) }),
  listenTls: () => Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert: "", key: "" }),
  serve: ({ own }) => Deno.serve({ hostname: "127.0.0.1", port: port(own) }, () => new Response()),
  upgradeWebSocket: () => Deno.upgradeWebSocket(new Request("http://a/")),
  command: () => new Deno.Command("sh").outputSync(),
  dlopen: () => Deno.dlopen("libc.so.6", {}),
  kill: () => Deno.kill(deno.pid ?? 1, "SIGTERM"),
  killParent: () => Deno.kill(deno.ppid ?? 1, "SIGTERM"),
  signalListener: () => Deno.addSignalListener("SIGTERM", () => {}),
  exit: () => Deno.exit(3),
  memoryUsage: () => Deno.memoryUsage(),
  execPath: () => Deno.execPath(),
  close: () => scope.close!.call!(globalThis),
  closeSelf: () => any("self").close(),
  processExit: () => any("process").exit(3),
  processKill: () => any("process").kill(1),
  processAbort: () => any("process").abort(),
  processBinding: () => any("process").binding("fs"),
  processDlopen: () => any("process").dlopen({}, "x"),
  processChdir: () => any("global").process.chdir("/"),
  processStdout: () => any("process").stdout.write("forged\n"),

  worker: () => new Worker("data:text/javascript,0", { type: "module" }),
  workerWithMore: () =>
    new Worker("data:text/javascript,0", {
      type: "module",
      deno: { permissions: "inherit" },
    } as WorkerOptions),
  eval: () => any("eval")(`import("node:process")`),
  newFunction: () => new Function(`return import("node:process")`)(),
  functionOfClass: () => Reflect.construct(Object.getPrototypeOf(class {}).constructor, ["return 1"]),
  asyncFunction: () => (async () => {}).constructor(`return import("node:fs")`)(),
  generatorFunction: () => (function* () {}).constructor("yield 1")(),
  asyncGeneratorFunction: () => (async function* () {}).constructor("yield 1")(),
  timeoutText: () => any("setTimeout")(`import("node:process")`, 0),
  intervalText: () => any("setInterval")(`import("node:process")`, 0),
  immediateText: () => any("setImmediate")(`import("node:process")`),

  broadcastChannel: () => new BroadcastChannel("postern"),
  caches: () => any("caches").open("shared"),
  localStorage: () => any("localStorage").setItem("a", "b"),
  sessionStorage: () => any("sessionStorage").getItem("a"),
  prompt: () => any("prompt")("password?"),
  confirm: () => any("confirm")("sure?"),
  alert: () => any("alert")("boo"),
  navigator: () => any("navigator").gpu,
  stdout: () => Deno.stdout.writeSync(new TextEncoder().encode("forged\n")),
  stderr: () => Deno.stderr.writeSync(new TextEncoder().encode("forged\n")),
  stdin: () => Deno.stdin.readSync(new Uint8Array(1)),
  core: () => deno.core.ops,
  internal: () => deno[deno.internal].core.ops,
  nodeBootstrap: () => any("nodeBootstrap")({}),
  restoreDeno: () => Object.defineProperty(globalThis, "Deno", { value: {} }),
  changeDeno: () => deno.readTextFile = () => "changed",
  permissionRequest: () => Deno.permissions.request({ name: "read" }),
  permissionRevoke: () => Deno.permissions.revoke({ name: "net" }),
  openKv: () => deno.openKv(":memory:"),
  fileByNumber: () => new deno.FsFile(1),

  postMessage: () => any("postMessage")([[1, 1, null]]),
  onmessage: () => any("self").onmessage = () => {},
  patchPort: () => MessagePort.prototype.postMessage = () => {},
  patchPortClose: () => Object.defineProperty(MessagePort.prototype, "close", { value: () => {} }),
  patchDispatch: () => EventTarget.prototype.dispatchEvent = () => true,
  patchEventData: () => Object.defineProperty(MessageEvent.prototype, "data", { get: () => [] }),
  patchPush: () => Array.prototype.push = () => 0,
  patchMap: () => Map.prototype.get = () => undefined,
  patchThen: () => Promise.prototype.then = () => Promise.resolve() as never,
  patchSpecies: () => Object.defineProperty(Promise, Symbol.species, { value: Array }),
  patchEveryObject: () => Object.defineProperty(Object.prototype, "net", { value: ["*"] }),
  patchAtomics: () => Object.assign(Atomics, { store: () => 0 }),
  patchJson: () => JSON.stringify = () => "{}",
  hideRefusals: () =>
    Object.defineProperty(Deno.errors.NotCapable, Symbol.hasInstance, { value: () => false }),
  callSites: () => {
    const sites: { getThis(): unknown; getFunction(): unknown }[] = [];
    Object.assign(Error, { prepareStackTrace: (_: Error, all: typeof sites) => sites.push(...all) });
    void new Error("seen").stack;
    Object.assign(Error, { prepareStackTrace: undefined });
    const gained = sites.flatMap((site) => [site.getThis(), site.getFunction()]).filter((one) => one);
    if (gained.length > 0) return gained;
    throw new Error("strict code shows nothing of its callers");
  },
  callers: () => (guardedCall as unknown as { caller: unknown }).caller,
  compile: () => WebAssembly.instantiate(WASM, { env: {} }),
};

/** `(module (import "env" "exit" (func)))`: imports are what the module gives, and it has nothing to give. */
const WASM = new Uint8Array([
  ...[
    0,
    97,
    115,
    109,
    1,
    0,
    0,
    0,
    1,
    4,
    1,
    96,
    0,
    0,
    2,
    12,
    1,
    3,
    101,
    110,
    118,
    4,
    101,
    120,
    105,
    116,
    0,
    0,
  ],
]);

function guardedCall(): void {}

/** Ways to answer that are none. */
export const ANSWERS: Record<string, () => unknown> = {
  bigBody: () => new Response("x".repeat(20_000_000)),
  endlessBody: () =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(100_000)) }),
    ),
  failingBody: () => new Response(new ReadableStream({ pull: () => Promise.reject(new Error("no body")) })),
  usedBody: async () => {
    const response = new Response("used");
    await response.text();
    return response;
  },
  hugeHeader: () => new Response(null, { headers: { evil: "x".repeat(1_000_000) } }),
  emptyObject: () => ({}),
  number: () => 7,
  aFunction: () => () => {},
  uncloneableStatus: () => ({ status: () => 200, headers: [], body: null }),
  wrongStatus: () => ({ status: 42, headers: [], body: null }),
  headersWithNewline: () => ({ status: 200, headers: [["x", "1\r\nevil: 1"]], body: null }),
  errorWithoutText: () => {
    throw {
      toString() {
        throw new Error("none");
      },
    };
  },
  errorThatIsNothing: () => {
    throw undefined;
  },
  errorOfSymbol: () => {
    throw Symbol("evil");
  },
  errorThatLies: () => {
    const error = new Error();
    Object.defineProperty(error, "message", { get: () => Symbol("evil") });
    throw error;
  },
  errorOfUnknownType: () => {
    throw Object.assign(new ProxyError("bad_request", "x"), { type: "evil" });
  },
  errorOfInheritedType: () => {
    throw Object.assign(new ProxyError("bad_request", "x"), { type: "constructor" });
  },
  errorOfUncloneableType: () => {
    throw Object.assign(new ProxyError("bad_request", "x"), { type: () => {}, message: () => {} });
  },
  errorWithLongText: () => {
    throw new Error("x".repeat(20_000_000));
  },
};

/** Everything that it may reach; a test puts other addresses in their place. */
export const net = ["127.0.0.1:1"];
/** The one upstream. */
export const upstreams: Peer[] = [{ address: "127.0.0.1:1" }];

/** Tries what the request says. */
export async function requestFilter({ request: { headers } }: Session): Promise<Response | void> {
  const answer = headers.get("x-answer");
  if (answer !== null) return await ANSWERS[answer]!() as Response;
  const attack = headers.get("x-attack");
  if (attack === null || !Object.hasOwn(ATTACKS, attack)) return;
  const aims: Aims = JSON.parse(headers.get("x-aims")!);
  try {
    const gained = await ATTACKS[attack]!(aims);
    return new Response(`${attack} gained ${Deno.inspect(gained)}`, { status: 418 });
  } catch (error) {
    const { name, message } = error as Error;
    return new Response(`${name}: ${message}`, { status: 403 });
  }
}

/** Sends the proxy to the address that the request names. */
export function upstreamPeer({ request: { headers } }: Session): Peer {
  const peer = headers.get("x-peer");
  return peer === null ? upstreams[0]! : JSON.parse(peer);
}

/** Ways to make of a head what it must not be. */
export const HEADS: Record<
  string,
  (head: Record<string, unknown> & { headers: { lines: string[] } }) => void
> = {
  newlineInName: ({ headers: { lines } }) => void lines.push("x\r\nevil: 1\r\nx", "1"),
  newlineInValue: ({ headers: { lines } }) => void lines.push("x", "1\r\nevil: 1"),
  carriageReturn: ({ headers: { lines } }) => void lines.push("x", "1\revil: 1"),
  nul: ({ headers: { lines } }) => void lines.push("x", "1\0evil"),
  nameless: ({ headers: { lines } }) => void lines.push("", "evil"),
  spaceInName: ({ headers: { lines } }) => void lines.push("evil name", "1"),
  wideCharacter: ({ headers: { lines } }) => void lines.push("x", "evil \u0a0a"),
  valueWithoutName: ({ headers: { lines } }) => void lines.push("evil"),
  hugeValue: ({ headers: { lines } }) => void lines.push("evil", "x".repeat(100_000_000)),
};
/** Ways to spoil a request's first line. */
export const REQUESTS: typeof HEADS = {
  spaceInTarget: (request) => void (request.target = "/a HTTP/1.1\r\nevil: 1\r\nx: "),
  targetNewline: (request) => void (request.target = "/\r\n\r\nGET /evil"),
  methodInjection: (request) => void (request.method = "GET /evil HTTP/1.1\r\nx:"),
  emptyMethod: (request) => void (request.method = ""),
};
/** Ways to spoil a response's first line. */
export const STATUSES: typeof HEADS = {
  statusText: (response) => void (response.status = "200 evil\r\nevil: 1"),
  statusTooLarge: (response) => void (response.status = 1e9),
  statusSwitching: (response) => void (response.status = 101),
  statusNaN: (response) => void (response.status = NaN),
};

function spoil(hook: string, { request: { headers } }: Session, head: unknown): void {
  const [at, how] = headers.get("x-spoil")?.split(" ") ?? [];
  if (at !== hook) return;
  ({ ...HEADS, ...REQUESTS, ...STATUSES })[how!]!(head as never);
}

/** Spoils the request. */
export function upstreamRequestFilter(session: Session, request: unknown): void {
  spoil("upstreamRequestFilter", session, request);
}

/** Gives back what cannot be sent. */
export function connectedToUpstream(): void {
  return (() => {}) as never;
}

/** As {@linkcode connectedToUpstream}. */
export function logging(): void {
  return Symbol("evil") as never;
}

/** Spoils the response. */
export function responseFilter(session: Session, response: unknown): void {
  spoil("responseFilter", session, response);
}
