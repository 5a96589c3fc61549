/**
 * A hook module that runs in workers with the permissions that it declares, as a module that the proxy can use.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { ProxyError } from "../http/errors.ts";
import type { ModulePermissions, ProxyModule, ProxyOptions } from "../proxy/hooks.ts";
import { checkModule } from "../proxy/module.ts";
import type { ListenerOptions } from "../downstream/listener_options.ts";
import type { Peer } from "../upstream/peer.ts";
import { HookWorker } from "./hook_worker.ts";
import { HookWorkers, type Place, type WorkersOptions } from "./hook_workers.ts";
import { checkModuleGraph } from "./module_graph.ts";
import { netScope } from "./net_scope.ts";
import type { Declarations, HookName } from "./protocol.ts";
import { type RemoteCall, remoteHooks } from "./remote_hooks.ts";
import { RemotePeers } from "./remote_peers.ts";

/** How a sandboxed module is run. */
export interface SandboxOptions extends WorkersOptions {
  /**
   * What becomes of a request when a hook fails: `closed` answers it with 503, `open` goes on without the hook.
   * A failed `upstreamPeer` is always 503, and a body of which a failed filter held something back is cut off.
   * @default {"closed"}
   */
  fail?: "closed" | "open";
}

/** What a module declares, found out in a worker without any permission. */
export interface Inspected {
  /** Its file URL. */
  readonly url: string;
  /** Named in texts. */
  readonly name: string;
  /** Its files, as URLs. */
  readonly files: readonly string[];
  /** What it declares. */
  readonly declarations: Declarations;
  /** The module without its hooks: `listen`, `listener`, `net`, `permissions`, `upstreams` and `options`. */
  readonly module: ProxyModule;
}

/** A sandboxed module that is ready for requests. */
export interface Sandboxed {
  /** Its hooks, to be given to `startProxy`. */
  readonly module: ProxyModule;
  /** Ends its workers at once. */
  close(): void;
}

/**
 * Finds out what a module declares. Its top-level code runs, in a worker that may do nothing.
 *
 * @param url The module's file URL.
 * @throws {LoadError} when it cannot be loaded, imports what it must not, or exports what is wrong
 */
export async function inspectModule(url: string, name: string): Promise<Inspected> {
  const files = await checkModuleGraph(url, name);
  const nobody = { replied() {}, noticed() {}, died() {} };
  const settings = { url, name, permissions: NOTHING, upstreams: undefined, audit: false };
  const worker = new HookWorker(settings, nobody);
  try {
    const declarations = await worker.ready;
    const { listen, listener, net, permissions, options } = declarations;
    const module = {
      ...(listen === undefined ? {} : { listen }),
      ...(listener === undefined ? {} : { listener: listener as ListenerOptions }),
      ...(net === undefined ? {} : { net }),
      ...(permissions === undefined ? {} : { permissions: permissions as ModulePermissions }),
      ...(options === undefined ? {} : { options: options as ProxyOptions }),
      upstreams: declarations.upstreams.map((text): Peer => JSON.parse(text)),
    };
    // The module had the last word in its own worker, so that what comes from there is looked at again.
    checkModule(name, { ...module, requestFilter() {} });
    return { url, name, files, declarations, module };
  } finally {
    worker.end();
  }
}

const BODY_FILTER = /BodyFilter$/;
const NOTHING = {
  net: false,
  read: false,
  write: false,
  env: false,
  run: false,
  sys: false,
  ffi: false,
  import: false,
};

/** Deno hands ranges on to a worker only when the process may reach everything. */
function givenToWorkers(net: readonly string[], name: string): string[] {
  const ranges = net.filter((entry) => entry.includes("/") && !entry.startsWith("unix:"));
  if (ranges.length === 0 || Deno.permissions.querySync({ name: "net" }).state === "granted") return [...net];
  getLogger("postern").warn(
    `${name}: its hooks cannot reach ${
      ranges.join(", ")
    }, as Deno gives workers no ranges; its upstreams can lie there`,
  );
  return net.filter((entry) => !ranges.includes(entry));
}

/**
 * Starts a module's workers with its `net` and `permissions`, and nothing else.
 *
 * @param net What it may reach; its upstreams must lie within.
 * @param upstreams Used in the place of its own, when given.
 * @throws {LoadError} when the module cannot be used
 */
export async function startSandboxed(
  { url, name, declarations, module }: Inspected,
  net: readonly string[],
  upstreams?: readonly Peer[],
  options: SandboxOptions = {},
): Promise<Sandboxed> {
  const { fail = "closed", onUsed } = options;
  const given = givenToWorkers(net, name);
  const permissions = { ...NOTHING, ...module.permissions, net: given.length > 0 ? given : false };
  const workers = new HookWorkers({
    url,
    name,
    permissions: permissions as Deno.PermissionOptionsObject,
    upstreams: upstreams?.map((peer) => JSON.stringify(peer)),
    audit: onUsed !== undefined,
  }, options);
  await workers.start();

  const call: RemoteCall = fail === "closed" ? (...args) => workers.call(...args) : async (hook, ...args) => {
    const [place, , [chunk]] = args;
    try {
      const result = await workers.call(hook, ...args);
      if (result === null && chunk instanceof Uint8Array) place.holdsBack = true;
      return result;
    } catch (error) {
      const isFailure = error instanceof ProxyError && error.type === "hook_unavailable";
      if (!isFailure || hook === "upstreamPeer" || place.holdsBack && BODY_FILTER.test(hook)) throw error;
      getLogger("postern").warn(`${error.message}; going on without it`);
      return undefined;
    }
  };
  const all = remoteHooks(call, new RemotePeers(name, netScope(net)));
  const exported = new Set(declarations.hooks);
  const keepsContext = exported.has("newContext");
  const hooks = Object.fromEntries(
    Object.entries(all).filter(([hook]) => exported.has(hook as HookName)),
  ) as Partial<ProxyModule<Place>>;
  if (keepsContext) {
    let requests = 0;
    hooks.newContext = () => ({ request: ++requests, worker: undefined, peer: undefined, holdsBack: false });
    hooks.logging = async (session, error, place) => {
      try {
        if (place.worker !== undefined || exported.has("logging")) await all.logging(session, error, place);
      } catch (error) {
        // Without a hook of that name, the call only told the worker that the request is over.
        if (exported.has("logging")) throw error;
      } finally {
        workers.forget(place);
      }
    };
  } else {
    hooks.newContext = () => ({ request: 0, worker: undefined, peer: undefined, holdsBack: false });
  }
  return {
    module: {
      ...module,
      net,
      upstreams: [...(upstreams ?? module.upstreams as Peer[])],
      ...hooks,
      backgroundServices: [{
        name,
        async run(signal) {
          workers.startServices();
          if (!signal.aborted) {
            await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
          }
          await workers.stop();
        },
      }],
    },
    close: () => workers.close(),
  };
}
