/**
 * `run`: a module as a proxy, until a signal.
 *
 * @module
 */
import type { LevelName } from "@std/log";
import { type ListenerOptions, tlsPairs } from "../downstream/listener_options.ts";
import { messageOf } from "../http/errors.ts";
import type { AccessFormat } from "../observe/access_log.ts";
import { startTracing } from "../observe/tracing.ts";
import { DEFAULT_LISTEN, type Running, startProxy } from "../proxy/start.ts";
import type { Audit } from "../sandbox/audit.ts";
import { LoadError } from "../sandbox/hook_worker.ts";
import { needsOf, peersOf, undeclared } from "../sandbox/needs.ts";
import { flagsOf, quoted } from "../sandbox/print.ts";
import { missingText, wider } from "../sandbox/verify.ts";
import type { Peer } from "../upstream/peer.ts";
import type { Loaded } from "./loaded.ts";
import { type Logs, setupLogs } from "./logs.ts";
import { stopSignal } from "./signals.ts";
import { VERSION } from "./version.ts";

/** Requests under way get this long to finish when the proxy is stopped, in milliseconds. */
const DRAIN = 10_000;

/** What `run` was asked for. */
export interface RunOptions {
  /** Where to listen instead of the module's own address. */
  listen: string | undefined;
  /** How to listen instead of what the module says, field by field. */
  listener: ListenerOptions;
  /** The lowest level of the application log. */
  logLevel: LevelName;
  /** The form of the access log. */
  accessLog: AccessFormat | "off";
  /** Whether a permission that is wider than needed is an error. */
  strict: boolean;
  /** Collects the addresses that are reached. */
  audit: Audit | undefined;
}

/** Runs a module until a signal; the exit code. */
export async function run(loaded: Loaded, options: RunOptions): Promise<number> {
  const logs = setupLogs(options.logLevel, { format: options.accessLog });
  options.audit?.watchProcess();
  const running = await start(loaded, options, logs);
  if (running !== null) {
    const onHangup = reloadOnHangup(running, loaded, options, logs);
    await runUntilStopped(running, logs);
    onHangup.stop();
    for (const line of options.audit?.report(onHangup.loaded.module.net ?? []) ?? []) logs.say(line);
  }
  await logs.flush();
  return running === null ? 1 : 0;
}

/** Starts a module and says so, or says why not and gives back null. */
export async function start(
  loaded: Loaded,
  options: Pick<RunOptions, "listen" | "listener" | "strict">,
  logs: Logs,
): Promise<Running | null> {
  const { module } = loaded;
  const { listen, listener, strict } = options;
  const problem = problemOf(loaded, options, logs);
  if (problem !== undefined) {
    logs.say(`error: ${problem}`);
    return null;
  }
  let running: Running;
  try {
    running = startProxy(await loaded.start(), {
      listen,
      listener,
      onEnd: logs.onEnd,
      tracing: await startTracing(),
    });
  } catch (error) {
    // A range is what options and addresses are out of; listening fails with the errors of the system.
    if (error instanceof RangeError || error instanceof LoadError) throw error;
    logs.say(`error: ${cannotListen(listen ?? module.listen ?? DEFAULT_LISTEN, error)}`);
    return null;
  }
  logs.say(`postern ${VERSION} (deno ${Deno.version.deno})${strict ? ", permissions checked strictly" : ""}`);
  const { tls } = { ...module.listener, ...listener };
  const scheme = running.address.startsWith("unix:") ? "" : tls === undefined ? "http://" : "https://";
  logs.say(`listening ${scheme}${running.address}`);
  if (running.redirectAddress !== undefined) {
    logs.say(`listening http://${running.redirectAddress}, to redirect to https`);
  }
  for (const peer of peersOf(module)) logs.say(`upstream ${peer.address}${tlsText(peer)}`);
  logs.say(
    `hooks ${loaded.hooks.join(" ")}${
      loaded.sandboxed ? `, in a sandbox with net=${module.net!.join(",")}` : ""
    }`,
  );
  logs.say(`ready in ${Math.round(performance.now())} ms`);
  return running;
}

/** Why a module cannot be run with the permissions of this process; says what else is to be known of them. */
function problemOf(
  { name, module, sources }: Loaded,
  { listen, strict }: Pick<RunOptions, "listen" | "strict">,
  logs: Logs,
): string | undefined {
  const stray = undeclared(module);
  if (stray.length > 0) return `${name}: upstream ${stray.join(", ")} is not in its "net"`;
  const needs = needsOf(module, { listen, sources });
  const missing = missingText(needs);
  if (missing !== undefined) return missing;
  const excess = wider(needs);
  if (excess.length === 0) return undefined;
  const text = `${excess.join(" ")} grants more than is needed: ${
    flagsOf(needs).map(quoted).join(" ")
  } is enough`;
  if (strict) return text;
  logs.say(`warning: ${text}`);
  return undefined;
}

/**
 * On SIGHUP, the files of TLS are read again, and a sandboxed module is loaded anew; no request is lost, and what cannot
 * be used changes nothing.
 */
function reloadOnHangup(running: Running, first: Loaded, options: RunOptions, logs: Logs) {
  const state = { loaded: first, stop: () => {} };
  if (Deno.build.os === "windows") return state;
  let last: Promise<void> = Promise.resolve();
  const reload = async () => {
    const { reload, name } = state.loaded;
    // A module that is loaded anew listens as the first did.
    const pairs = tlsPairs({ ...first.module.listener, ...options.listener });
    if (pairs.length > 0) renewTls(running, pairs.map(({ cert }) => cert).join(" "), logs);
    if (reload === undefined) {
      if (pairs.length === 0) logs.say(`SIGHUP: ${name} is not sandboxed, and cannot be loaded anew`);
      return;
    }
    try {
      const next = await reload();
      const problem = problemOf(next, options, logs);
      if (problem !== undefined) throw new Error(problem);
      running.replace(await next.start()).catch((error) =>
        logs.say(`the module before did not end well: ${messageOf(error)}`)
      );
      state.loaded = next;
      logs.say(`reloaded ${name}: hooks ${next.hooks.join(" ")}`);
    } catch (error) {
      logs.say(`not reloaded, the running module stays: ${messageOf(error)}`);
    }
  };
  const onHangup = () => void (last = last.then(reload));
  Deno.addSignalListener("SIGHUP", onHangup);
  state.stop = () => Deno.removeSignalListener("SIGHUP", onHangup);
  return state;
}

function renewTls(running: Running, certs: string, logs: Logs): void {
  try {
    running.renewTls();
    logs.say(`read the certificate ${certs} again`);
  } catch (error) {
    logs.say(`the certificate stays as it was: ${messageOf(error)}`);
  }
}

/** Why nobody can be listened to there. */
export function cannotListen(address: string, error: unknown): string {
  const why = error instanceof Deno.errors.AddrInUse ? "the address is in use" : messageOf(error);
  return `cannot listen on ${address}: ${why}`;
}

/** A name that is not verified is said here whatever the log's level is. */
function tlsText({ tls }: Peer): string {
  if (tls === undefined) return "";
  const unverified = tls.verifyName === false ? ", the name in its certificate is not verified" : "";
  return ` (TLS, ${tls.serverName ?? "named by its address"}${unverified})`;
}

/** Waits for a signal, then drains. */
export async function runUntilStopped(running: Running, logs: Logs): Promise<void> {
  const signal = await stopSignal();
  logs.say(`${signal}: finishing ${running.counters.active} requests, a second signal ends at once`);
  const drained = await running.stop(DRAIN);
  if (!drained) logs.say(`closed what was left after ${DRAIN / 1000} s`);
}
