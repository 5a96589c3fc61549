/**
 * `run -c`: a configuration file as a proxy, until a signal.
 *
 * @module
 */
import type { LevelName } from "@std/log";
import { Admin } from "../admin/admin.ts";
import { notGranted } from "../config/config_needs.ts";
import { ConfigError, inOrder, problemText } from "../config/problem.ts";
import { messageOf } from "../http/errors.ts";
import { startTracing } from "../observe/tracing.ts";
import { type Address, parseAddress } from "../upstream/address.ts";
import { LocalLimits } from "../rules/limits.ts";
import { RedisLimits } from "../rules/redis_limits.ts";
import { type Logs, setupLogs } from "./logs.ts";
import type { Runnable } from "./runnable.ts";
import { onSignals } from "./signals.ts";
import { Site } from "./site.ts";
import { VERSION } from "./version.ts";
import { watchFiles } from "./watch.ts";
import { forWorker } from "./worker.ts";

/** Requests under way get this long to finish when the proxy is stopped, in milliseconds. */
const DRAIN = 10_000;

/** How a configuration is run. */
export interface RunConfigOptions {
  /** Whether it is loaded again when its files change. */
  readonly watch: boolean;
  /** Which of several processes this is, from 0; undefined for the only one. */
  readonly worker: number | undefined;
  /** Resolves with what ends it, in good order. */
  readonly stopSignal: () => Promise<string>;
}

/**
 * Runs a configuration until it is to stop; the exit code.
 *
 * @param load Loads it, at first and again.
 * @throws {ConfigError} when it cannot be used, or needs what is not granted
 */
export async function runConfig(
  load: () => Promise<Runnable>,
  { watch, worker, stopSignal }: RunConfigOptions,
): Promise<number> {
  const loadGranted = async (): Promise<Runnable> => {
    const runnable = await load();
    return refuseUngranted(worker === undefined ? runnable : forWorker(runnable, worker));
  };
  const first = await loadGranted();
  const { file, warnings } = first.loaded;
  const { level, access } = first.plan.logs;
  const logs = setupLogs(level.toUpperCase() as LevelName, access);
  for (const warning of warnings) logs.say(problemText(file, warning));

  const local = new LocalLimits();
  const { redis } = first.plan;
  const shared = redis && new RedisLimits({ ...redis, local });
  const stopping = new AbortController();
  const sharing = shared?.run(stopping.signal);

  let last: Promise<unknown> = Promise.resolve();
  const reload = (): Promise<string | undefined> => {
    const next = last.then(async () => {
      if (site.draining) return "the proxy is stopping";
      try {
        await site.use(await loadGranted());
        logs.say(`reloaded ${file}: configuration ${site.version}`);
        return undefined;
      } catch (error) {
        const problem = problemOf(error);
        site.refuse(problem);
        logs.say(`${problem}\nnot reloaded, the configuration before stays in use`);
        return problem;
      }
    });
    last = next;
    return next;
  };
  const site = new Site(first, { local, shared }, reload, {
    onEnd: logs.onEnd,
    tracing: await startTracing(),
  });
  let admin: Admin | undefined;
  let adminServer: Deno.HttpServer | undefined;
  let code = 0;
  try {
    await site.use(first);
    const { plan } = first;
    if (plan.admin !== undefined) {
      admin = new Admin(site, { ...plan.admin, version: VERSION });
      adminServer = serveAdmin(parseAddress(plan.admin.listen), admin);
    }
    report(site, file, adminServer, logs);
    const signals = onSignals({ SIGHUP: () => void reload(), SIGUSR1: () => logs.reopen() });
    const cannotWatch = (error: unknown) =>
      logs.say(
        `error: cannot watch for changes, which takes --allow-read of the folder: ${messageOf(error)}`,
      );
    const watching = watch ? watchFiles(() => filesOf(site), reload, cannotWatch) : undefined;
    const signal = await stopSignal();
    signals.stop();
    watching?.stop();
    logs.say(`${signal}: finishing ${site.counters.active} requests, a second signal ends at once`);
    await last;
    if (!await site.stop(DRAIN)) logs.say(`closed what was left after ${DRAIN / 1000} s`);
  } catch (error) {
    logs.say(`error: ${messageOf(error)}`);
    await site.stop(0);
    code = 1;
  }
  admin?.stop();
  stopping.abort();
  await Promise.all([adminServer?.shutdown(), sharing]);
  await logs.flush();
  return code;
}

function refuseUngranted(runnable: Runnable): Runnable {
  const { loaded, needs } = runnable;
  const complaints = notGranted(needs);
  if (complaints.length === 0) return runnable;
  throw new ConfigError(loaded.file, inOrder(complaints.map((complaint) => loaded.locate(complaint))));
}

function serveAdmin(address: Address, admin: Admin): Deno.HttpServer {
  const options = { onListen() {} };
  return address.transport === "unix"
    ? Deno.serve({ ...options, path: address.path }, admin.handle)
    : Deno.serve({ ...options, hostname: address.hostname, port: address.port }, admin.handle);
}

/** Why a configuration cannot be used, every line of it. */
function problemOf(error: unknown): string {
  return error instanceof ConfigError ? error.message : `error: ${messageOf(error)}`;
}

function filesOf({ plan }: Site): string[] {
  const hooks = plan.routes.flatMap(({ rules: { hooks = [] } }) => hooks.map(({ module }) => module));
  return [plan.file, ...hooks];
}

/** What is running, a fact a line. */
function report(site: Site, file: string, admin: Deno.HttpServer | undefined, logs: Logs): void {
  logs.say(`postern ${VERSION} (deno ${Deno.version.deno}), ${file}`);
  for (const { name, address, isSecure, redirectAddress } of site.listeners) {
    const scheme = address.startsWith("unix:") ? "" : isSecure ? "https://" : "http://";
    const alias = site.plan.listeners.some((listener) => listener.name === name && name !== listener.address)
      ? ` as ${name}`
      : "";
    logs.say(`listening ${scheme}${address}${alias}`);
    if (redirectAddress !== undefined) logs.say(`redirecting http://${redirectAddress} to it`);
  }
  if (admin !== undefined) {
    const { addr } = admin;
    logs.say(
      `status ${
        addr.transport === "tcp" ? `http://${addr.hostname}:${addr.port}/` : site.plan.admin!.listen
      }`,
    );
  }
  for (const { name, backends } of site.groups) {
    logs.say(`group ${name}: ${backends.map(({ label }) => label).join(", ") || "to be found"}`);
  }
  for (const { name, net, sandboxed } of site.modules) {
    logs.say(`hooks ${name}${sandboxed ? `, in a sandbox with net=${net.join(",")}` : ""}`);
  }
  const { routes } = site;
  logs.say(
    `routes ${routes.map(({ name }) => name).slice(0, 20).join(", ")}${routes.length > 20 ? ", ..." : ""}`,
  );
  logs.say(`ready in ${Math.round(performance.now())} ms`);
}
