// A hook module that tries to get out of its worker. What each attempt aims at is in tests/support/modules/hostile.ts.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { inspectModule, startSandboxed } from "../../src/sandbox/sandboxed_module.ts";
import { type CapturedLog, captureLog } from "../support/captured_log.ts";
import { httpOrigin, type Origin, rawOrigin } from "../support/origin.ts";
import { MAY_RUN, tempFolder } from "../support/process.ts";
import { type TestProxy, testProxy } from "../support/proxy.ts";
import { type Aims, ANSWERS, ATTACKS, HEADS, REQUESTS, STATUSES } from "../support/modules/hostile.ts";

const HOSTILE = new URL("../support/modules/hostile.ts", import.meta.url).href;

/** What the one line in the log says was refused; null for what fails without having reached anything to refuse. */
const REFUSED: Record<string, RegExp | null> = {
  readTextFile: /Deno\.readTextFile: Requires read access to ".*secret\.txt"/,
  readFileSync: /Deno\.readFileSync: Requires read access/,
  open: /Deno\.open: Requires read access/,
  openToWrite: /Deno\.open: Requires write access/,
  stat: /Deno\.stat: Requires read access/,
  readDir: /Deno\.readDir: Requires read access to "\/"/,
  readLink: /Deno\.readLink: Requires read access/,
  realPath: /Deno\.realPath: Requires read access/,
  watchFs: /Deno\.watchFs: Requires read access/,
  copyFile: /Deno\.copyFile: Requires read access/,
  writeTextFile: /Deno\.writeTextFile: Requires write access/,
  writeFileSync: /Deno\.writeFileSync: Requires write access/,
  remove: /Deno\.remove: Requires write access/,
  rename: /Deno\.rename: Requires read access/,
  truncate: /Deno\.truncate: Requires write access/,
  mkdir: /Deno\.mkdir: Requires write access/,
  makeTempFile: /Deno\.makeTempFile: Requires write access/,
  symlink: /Deno\.symlink/,
  chmod: /Deno\.chmod/,
  chdir: /Deno\.chdir/,
  cwd: /Deno\.cwd: Requires read access/,
  umask: /Deno\.umask/,
  fetchFile: /fetch: Requires read access/,
  envGet: /Deno\.env\.get: Requires env access to "PATH"/,
  envAll: /Deno\.env\.toObject: Requires env access/,
  envSet: /Deno\.env\.set: Requires env access/,
  envDelete: /Deno\.env\.delete: Requires env access/,
  connect: /Deno\.connect: Requires net access to "127\.0\.0\.1:\d+"/,
  connectOtherName: /Deno\.connect: Requires net access to "localhost:\d+"/,
  connectUnix: /Deno\.connect: Requires read access to "\/var\/run\/docker\.sock"/,
  connectTls: /Deno\.connectTls: Requires net access/,
  fetch: /fetch: Requires net access to "127\.0\.0\.1:\d+"/,
  fetchRequest: /fetch: Requires net access/,
  fetchRedirected: /fetch, redirected to http:\/\/127\.0\.0\.1:\d+\/: Requires net access/,
  fetchTwiceRedirected: /fetch, redirected to .*: Requires net access/,
  fetchChangingUrl: /fetch: Requires net access/,
  fetchByProxy: /Deno\.createHttpClient: Requires net access/,
  fetchByUnixProxy: /Deno\.createHttpClient: Requires read access/,
  webSocket: /WebSocket: Requires net access/,
  webSocketClass: /WebSocket: Requires net access/,
  eventSource: /EventSource: Requires net access/,
  resolveDns: /Deno\.resolveDns: Requires net access/,
  resolveDnsBy: /Deno\.resolveDns: Requires net access to "127\.0\.0\.1:9"/,
  hostname: /Deno\.hostname: Requires sys access/,
  networkInterfaces: /Deno\.networkInterfaces: Requires sys access/,
  listen: /Deno\.listen/,
  listenOnOwn: /Deno\.listen/,
  listenTls: /Deno\.listenTls/,
  serve: /Deno\.serve/,
  upgradeWebSocket: /Deno\.upgradeWebSocket/,
  command: /Deno\.Command/,
  dlopen: /Deno\.dlopen: Requires ffi access/,
  kill: /Deno\.kill/,
  killParent: /Deno\.kill/,
  signalListener: /Deno\.addSignalListener/,
  exit: /Deno\.exit/,
  memoryUsage: /Deno\.memoryUsage/,
  execPath: /Deno\.execPath/,
  close: /close/,
  closeSelf: /close/,
  processExit: /process\.exit/,
  processKill: /process\.kill/,
  processAbort: /process\.abort/,
  processBinding: /process\.binding/,
  processDlopen: /process\.dlopen/,
  processChdir: /process\.chdir/,
  processStdout: null,
  worker: /Worker/,
  workerWithMore: /Worker/,
  eval: /eval/,
  newFunction: /Function/,
  functionOfClass: /Function/,
  asyncFunction: /AsyncFunction/,
  generatorFunction: /GeneratorFunction/,
  asyncGeneratorFunction: /AsyncGeneratorFunction/,
  timeoutText: null,
  intervalText: null,
  immediateText: null,
  broadcastChannel: /BroadcastChannel/,
  caches: /caches\.open/,
  localStorage: /localStorage\.setItem/,
  sessionStorage: /sessionStorage\.getItem/,
  prompt: /prompt/,
  confirm: /confirm/,
  alert: /alert/,
  navigator: null,
  stdout: null,
  stderr: null,
  stdin: null,
  core: null,
  internal: null,
  nodeBootstrap: null,
  restoreDeno: null,
  changeDeno: null,
  permissionRequest: null,
  permissionRevoke: null,
  openKv: null,
  fileByNumber: null,
  postMessage: /postMessage/,
  onmessage: null,
  patchPort: null,
  patchPortClose: null,
  patchDispatch: null,
  patchEventData: null,
  patchPush: null,
  patchMap: null,
  patchThen: null,
  patchSpecies: null,
  patchEveryObject: null,
  patchAtomics: null,
  patchJson: null,
  hideRefusals: null,
  callSites: null,
  callers: null,
  compile: null,
};

/** A proxy with the hostile module in a worker, and the places that it aims at. */
interface Attacked extends AsyncDisposable {
  proxy: TestProxy;
  origin: Origin;
  elsewhere: Origin;
  log: CapturedLog;
  aims: Aims;
  ask(headers?: Record<string, string>): Promise<{ status: number; text: string; headers: Headers }>;
}

async function attacked(): Promise<Attacked> {
  const log = captureLog();
  const folder = tempFolder();
  const elsewhere = rawOrigin((connection) => connection.closed());
  const origin = httpOrigin((request) => {
    const { pathname } = new URL(request.url);
    const [at] = pathname === "/redirect"
      ? [`http://${elsewhere.address}/`]
      : pathname === "/twice"
      ? ["/redirect"]
      : [];
    return at === undefined
      ? new Response("hello")
      : new Response(null, { status: 302, headers: { location: at } });
  });
  const inspected = await inspectModule(HOSTILE, "hostile");
  const sandboxed = await startSandboxed(inspected, [origin.address], [{ address: origin.address }]);
  const proxy = testProxy(sandboxed.module);
  return {
    proxy,
    origin,
    elsewhere,
    log,
    aims: {
      elsewhere: elsewhere.address,
      own: origin.address,
      file: folder.write("secret.txt", "secret"),
    },
    async ask(headers = {}) {
      const response = await fetch(proxy.url, { headers });
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      sandboxed.close();
      await origin[Symbol.asyncDispose]();
      await elsewhere[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
      log[Symbol.dispose]();
    },
  };
}

function hostile(name: string, fn: (attacked: Attacked, t: Deno.TestContext) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !MAY_RUN,
    async fn(t) {
      await using place = await attacked();
      await fn(place, t);
    },
  });
}

Deno.test("every attack has its line", () => {
  assertEquals(Object.keys(REFUSED), Object.keys(ATTACKS));
});

hostile(
  "what a hook may not fails in the hook, with one line in the log, and traffic goes on",
  async (place, t) => {
    const { aims, log, ask, elsewhere } = place;
    for (const [attack, line] of Object.entries(REFUSED)) {
      await t.step(attack, async () => {
        const from = log.lines.length;
        const { status, text } = await ask({ "x-attack": attack, "x-aims": JSON.stringify(aims) });
        assertEquals(status, 403, text);
        assertMatch(text, /^[A-Za-z]*(?:Error|NotCapable): \S/);
        const next = await ask();
        assertEquals([next.status, next.text], [200, "hello"]);
        const lines = log.lines.slice(from);
        const refused = lines.filter((line) => line.includes("refused: "));
        assertEquals(lines, refused, "nothing else is logged");
        assertEquals(refused.length, line === null ? 0 : 1, lines.join("\n"));
        if (line !== null) {
          assertStringIncludes(refused[0]!, "hostile: refused: ");
          assertMatch(refused[0]!, line);
        }
      });
    }
    assertEquals(elsewhere.connections, 0, "nothing was connected to");
    assertEquals(await Deno.readTextFile(aims.file), "secret");
    assertEquals(Deno.env.get("POSTERN_EVIL"), undefined);
  },
);

const ELSEWHERE = [
  (aims: Aims) => ({ address: aims.elsewhere }),
  (aims: Aims) => ({ address: aims.own.replace("127.0.0.1", "localhost") }),
  (aims: Aims) => ({ address: aims.elsewhere, tls: { serverName: aims.own } }),
  () => ({ address: "unix:/var/run/docker.sock" }),
  () => ({ address: "[::1]:22" }),
  (aims: Aims) => ({ address: [aims.own] }),
  () => ({ address: "http://127.0.0.1/" }),
  () => ({}),
  () => null,
  () => 7,
  (aims: Aims) => ({ address: aims.own, timeouts: { connect: -1 } }),
];

hostile(
  "the proxy connects to nothing that is not in the module's net",
  async ({ aims, ask, elsewhere, proxy }) => {
    for (const peer of ELSEWHERE) {
      const { status } = await ask({ "x-peer": JSON.stringify(peer(aims)) });
      assert(status >= 500, `${JSON.stringify(peer(aims))}: ${status}`);
      assertEquals((await ask()).status, 200);
    }
    assertEquals(elsewhere.connections, 0);
    assertEquals(proxy.counters.active, 0);
  },
);

hostile("no hook puts a line of its own making into a head", async ({ ask, proxy, log }, t) => {
  const spoils = [
    ...Object.keys(HEADS).flatMap((how) => [`upstreamRequestFilter ${how}`, `responseFilter ${how}`]),
    ...Object.keys(REQUESTS).map((how) => `upstreamRequestFilter ${how}`),
    ...Object.keys(STATUSES).map((how) => `responseFilter ${how}`),
  ];
  for (const spoil of spoils) {
    await t.step(spoil, async () => {
      const from = log.lines.length;
      const { status, headers } = await ask({ "x-spoil": spoil });
      assert(status >= 500, `${status}`);
      assertEquals(headers.get("evil"), null);
      assertEquals(
        log.lines.slice(from).filter((line) => line.startsWith("ERROR")).length > 0,
        true,
      );
      const next = await ask();
      assertEquals([next.status, next.text], [200, "hello"]);
    });
  }
  assertEquals(proxy.counters.active, 0);
});

hostile(
  "an answer that is none fails its own request, and no other that falls due with it",
  async (place, t) => {
    const { ask, log, proxy } = place;
    for (const answer of Object.keys(ANSWERS)) {
      await t.step(answer, async () => {
        const from = log.lines.length;
        const [{ status, headers }, ...others] = await Promise.all([
          ask({ "x-answer": answer }),
          ...Array.from({ length: 8 }, () => ask()),
        ]);
        assert(status >= 500, `${status}`);
        assertEquals(headers.get("evil"), null);
        for (const other of others) {
          assertEquals([other.status, other.text], [200, "hello"], log.lines.slice(from).join("\n"));
        }
        assertEquals(log.lines.slice(from).length, 1, log.lines.slice(from).join("\n"));
        assert(log.lines.at(-1)!.length < 3_000);
      });
    }
    assertEquals(proxy.counters.active, 0);
  },
);

/** A proxy with a module of this text. */
async function written(text: string, net: string[] = []): Promise<AsyncDisposable & { proxy: TestProxy }> {
  const folder = tempFolder();
  const file = folder.write("own.ts", `export const net: string[] = [];\n${text}`);
  const inspected = await inspectModule(`file://${file}`, "own");
  const sandboxed = await startSandboxed(inspected, net);
  const proxy = testProxy(sandboxed.module);
  return {
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      sandboxed.close();
      folder[Symbol.dispose]();
    },
  };
}

function own(name: string, text: string, fn: (proxy: TestProxy, log: CapturedLog) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !MAY_RUN,
    async fn() {
      using log = captureLog();
      await using place = await written(text);
      await fn(place.proxy, log);
    },
  });
}

own(
  "what a module says and tries while it loads is logged, and it loads",
  `console.log("loading\\nERROR forged");
   try { Deno.readTextFileSync("/etc/passwd"); } catch { /* told */ }
   export const requestFilter = () => new Response("hello");`,
  async (proxy, log) => {
    assertEquals(await (await fetch(proxy.url)).text(), "hello");
    assertEquals(log.lines, [
      "INFO own: loading ERROR forged",
      `WARN own: refused: Deno.readTextFileSync: Requires read access to "/etc/passwd"`,
    ]);
  },
);

own(
  "a module that writes without end into the log is cut short",
  `export function requestFilter() {
     for (let i = 0; i < 5_000; i++) console.log("line " + i);
     return new Response("hello");
   }`,
  async (proxy, log) => {
    assertEquals(await (await fetch(proxy.url)).text(), "hello");
    assert(log.lines.length <= 2_000, `${log.lines.length}`);
    assertEquals(log.lines[0], "INFO own: line 0");
  },
);

own(
  "what is left unhandled is a line in the log, and the worker lives on",
  `let count = 0;
   export function requestFilter(session: { request: { target: string } }) {
     if (session.request.target === "/reject") Promise.reject(new Error("left behind"));
     if (session.request.target === "/throw") queueMicrotask(() => { throw new Error("thrown late"); });
     if (session.request.target === "/report") reportError(new Error("reported"));
     return new Response(String(++count));
   }`,
  async (proxy, log) => {
    for (
      const [target, text] of [["reject", "left behind"], ["throw", "thrown late"], ["report", "reported"]]
    ) {
      await (await fetch(`${proxy.url}/${target}`)).text();
      await log.line(text!);
    }
    assertEquals(await (await fetch(proxy.url)).text(), "4", "it is still the same worker");
  },
);

own(
  "modules of Node and channels of its own work in a worker",
  `import { Readable } from "node:stream";
   import { gzipSync } from "node:zlib";
   import { EventEmitter } from "node:events";
   import { AsyncLocalStorage } from "node:async_hooks";
   export async function requestFilter() {
     const parts: string[] = [];
     for await (const part of Readable.from(["a", "b"])) parts.push(part);
     const { port1, port2 } = new MessageChannel();
     const heard = new Promise((resolve) => port1.onmessage = ({ data }) => resolve(data));
     port2.postMessage("c");
     parts.push(await heard as string);
     port1.close();
     const events = new EventEmitter();
     events.on("d", (d) => parts.push(d));
     events.emit("d", "d");
     parts.push(String(gzipSync("e")[0]), new AsyncLocalStorage().run("f", () => "f"));
     class List extends Array {}
     parts.push(...List.from(["g"]));
     return new Response(parts.join(" "));
   }`,
  async (proxy) => assertEquals(await (await fetch(proxy.url)).text(), "a b c d 31 f g"),
);

Deno.test({
  name: "nothing that acts on the process can be reached from a module, by whatever way",
  ignore: !MAY_RUN,
  async fn() {
    using _log = captureLog();
    const walker = await inspectModule(
      new URL("../support/modules/walker.ts", import.meta.url).href,
      "walker",
    );
    const sandboxed = await startSandboxed(walker, [], undefined, { timeout: 10_000 });
    await using proxy = testProxy(sandboxed.module);
    const { seen, found } = await (await fetch(proxy.url)).json();
    sandboxed.close();
    assert(seen > 3_000, `${seen} objects`);
    // It leaves a storage, not the process.
    assertEquals(found.filter((way: string) => !way.endsWith("AsyncLocalStorage.prototype.exit")), []);
  },
});

Deno.test({
  name: "a redirect within the module's net is followed, without what was meant for the first host alone",
  ignore: !MAY_RUN,
  async fn() {
    using _log = captureLog();
    await using second = httpOrigin(async (request) =>
      new Response(`${request.method} ${request.headers.get("authorization")} [${await request.text()}]`)
    );
    await using first = httpOrigin((request) => {
      const { pathname } = new URL(request.url);
      const location = pathname === "/here" ? "/there" : `http://${second.address}/`;
      return new Response(null, { status: pathname === "/here" ? 307 : 302, headers: { location } });
    });
    await using place = await written(
      `const at = "http://${first.address}/";
       const headers = { authorization: "secret" };
       export async function requestFilter() {
         const answers = await Promise.all([
           fetch(at + "here", { headers }), fetch(at, { headers, method: "POST", body: "sent" }),
           fetch(new Request(at, { headers })), fetch(at, { redirect: "manual" }),
         ]);
         const failed = await fetch(at, { redirect: "error" }).catch((error) => error.name);
         const texts = await Promise.all(answers.map(async (answer) => answer.status + " " + await answer.text()));
         return new Response([...texts, failed].join("\\n"));
       }`,
      [first.address, second.address],
    );
    assertEquals((await (await fetch(place.proxy.url)).text()).split("\n"), [
      "200 GET null []",
      "200 GET null []",
      "200 GET null []",
      "302 ",
      "TypeError",
    ]);
  },
});
