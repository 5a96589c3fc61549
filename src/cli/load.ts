/**
 * Getting the module that a command is about.
 *
 * @module
 */
import { messageOf } from "../http/errors.ts";
import { checkModule, nearest } from "../proxy/module.ts";
import type { ProxyModule } from "../proxy/hooks.ts";
import { peersOf } from "../sandbox/permissions.ts";
import { formatAddress, parseAddress } from "../upstream/address.ts";
import type { Peer } from "../upstream/peer.ts";
import { UsageError } from "./usage.ts";

/** The modules that are part of the program, by name. */
export type Samples = Readonly<Record<string, Record<string, unknown>>>;

/**
 * Loads a sample by name, or a module on disk by path.
 *
 * @throws {UsageError} when there is no such sample
 * @throws {Error} with one line, when the file cannot be loaded
 * @throws {ModuleError} when what it exports is wrong
 */
export async function loadModule(name: string, samples: Samples): Promise<ProxyModule> {
  const sample = samples[name];
  if (sample !== undefined) return checkModule(name, sample);
  if (!/[./\\]/.test(name)) {
    const near = nearest(name, Object.keys(samples));
    const known = near ? `did you mean "${near}"?` : `known are ${Object.keys(samples).join(", ")}`;
    throw new UsageError(
      `unknown sample "${name}", ${known} (a module on disk is given as a path: ./${name}.ts)`,
    );
  }
  const path = new URL(name.replaceAll("\\", "/"), `file://${Deno.cwd().replaceAll("\\", "/")}/`);
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") {
    throw new Error(`Cannot load ${name}: no permission to read it, add --allow-read=${name}`);
  }
  let exports: Record<string, unknown>;
  try {
    exports = await import(path.href);
  } catch (error) {
    throw new Error(`Cannot load ${name}: ${messageOf(error)}`, { cause: error });
  }
  return checkModule(name, exports);
}

/**
 * The module with other upstreams. Its own list (or group) is refilled in place, as that is what its hooks look at,
 * and `net` names the new addresses in place of the old.
 *
 * @throws {UsageError} when the module has no `upstreams` to replace, or a URL is wrong
 */
export function withUpstreams(name: string, module: ProxyModule, urls: readonly string[]): ProxyModule {
  if (urls.length === 0) return module;
  const { upstreams } = module;
  if (upstreams === undefined) {
    throw new UsageError(`${name} exports no "upstreams" that --upstream could replace`);
  }
  const address = (peer: Peer) => formatAddress(parseAddress(peer.address));
  const before = new Set(peersOf(module).map(address));
  const peers = urls.map(peerOf);
  if (Array.isArray(upstreams)) upstreams.splice(0, upstreams.length, ...peers);
  else upstreams.replace(peers);
  const net = [...peers.map(address), ...(module.net ?? []).filter((entry) => !before.has(entry))];
  return { ...module, net };
}

function peerOf(url: string): Peer {
  if (url.startsWith("unix:/")) return { address: url };
  const match = /^(https?):\/\/([^/?#@]+)\/?$/.exec(url);
  if (match === null) {
    throw new UsageError(
      `--upstream is "${url}", allowed are http://HOST[:PORT], https://HOST[:PORT] and unix:/path`,
    );
  }
  const [, scheme, authority] = match as unknown as [string, string, string];
  const hasPort = /:\d+$/.test(authority);
  try {
    const address = formatAddress(
      parseAddress(hasPort ? authority : `${authority}:${scheme === "https" ? 443 : 80}`),
    );
    return scheme === "https" ? { address, tls: {} } : { address };
  } catch {
    throw new UsageError(`--upstream is "${url}", which does not name a host and a port from 0 to 65535`);
  }
}
