/**
 * `run`: a module as a proxy, until a signal.
 *
 * @module
 */
import type { LevelName } from "@std/log";
import { messageOf } from "../http/errors.ts";
import type { AccessFormat } from "../observe/access_log.ts";
import type { ProxyModule } from "../proxy/hooks.ts";
import { hooksOf } from "../proxy/module.ts";
import { DEFAULT_LISTEN, type Running, startProxy } from "../proxy/start.ts";
import {
  missingText,
  neededNet,
  netFlag,
  peersOf,
  undeclared,
  verifyPermissions,
} from "../sandbox/permissions.ts";
import type { Peer } from "../upstream/peer.ts";
import { type Logs, setupLogs } from "./logs.ts";
import { stopSignal } from "./signals.ts";
import { VERSION } from "./version.ts";

/** Requests under way get this long to finish when the proxy is stopped, in milliseconds. */
const DRAIN = 10_000;

/** What `run` was asked for. */
export interface RunOptions {
  /** Where to listen instead of the module's own address. */
  listen: string | undefined;
  /** The lowest level of the application log. */
  logLevel: LevelName;
  /** The form of the access log. */
  accessLog: AccessFormat | "off";
}

/** Runs a module until a signal; the exit code. */
export async function run(name: string, module: ProxyModule, options: RunOptions): Promise<number> {
  const logs = setupLogs(options.logLevel, options.accessLog);
  const running = start(name, module, options, logs);
  if (running !== null) await runUntilStopped(running, logs);
  await logs.flush();
  return running === null ? 1 : 0;
}

/** Starts a module and says so, or says why not and gives back null. */
export function start(name: string, module: ProxyModule, options: RunOptions, logs: Logs): Running | null {
  const stray = undeclared(module);
  if (stray.length > 0) {
    logs.say(`error: ${name}: upstream ${stray.join(", ")} is not in its "net"`);
    return null;
  }
  const needed = neededNet(module, options.listen);
  const missing = missingText(needed);
  if (missing !== undefined) {
    logs.say(`error: ${missing}`);
    return null;
  }
  const { wider } = verifyPermissions(needed);
  if (wider !== undefined) {
    logs.say(`warning: ${wider} grants more than is needed: ${netFlag(needed)} is enough`);
  }
  let running: Running;
  try {
    running = startProxy(module, { listen: options.listen, onEnd: logs.onEnd });
  } catch (error) {
    // A range is what options and addresses are out of; listening fails with the errors of the system.
    if (error instanceof RangeError) throw error;
    logs.say(`error: ${cannotListen(options.listen ?? module.listen ?? DEFAULT_LISTEN, error)}`);
    return null;
  }
  logs.say(`postern ${VERSION} (deno ${Deno.version.deno})`);
  logs.say(`listening ${running.address.startsWith("unix:") ? "" : "http://"}${running.address}`);
  for (const peer of peersOf(module)) logs.say(`upstream ${peer.address}${tlsText(peer)}`);
  logs.say(`hooks ${hooksOf(module).join(" ")}`);
  logs.say(`ready in ${Math.round(performance.now())} ms`);
  return running;
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
