/**
 * `--upstream`: other upstreams for a module.
 *
 * @module
 */
import type { ProxyModule } from "../proxy/hooks.ts";
import { peersOf } from "../sandbox/needs.ts";
import { formatAddress, parseAddress } from "../upstream/address.ts";
import type { Peer, PeerTls } from "../upstream/peer.ts";
import { UsageError } from "./usage.ts";

/**
 * The module with other upstreams. Its own list (or group) is refilled in place, as that is what its hooks look at,
 * and `net` names the new addresses in place of the old. Where its own upstreams all have the same TLS settings, the
 * new ones that speak TLS have them too: they stand in for the old, under the same name.
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
  const before = peersOf(module);
  const replaced = new Set(before.map(address));
  const tls = sharedTls(before);
  const peers = urls.map((url) => peerOf(url, tls));
  if (Array.isArray(upstreams)) upstreams.splice(0, upstreams.length, ...peers);
  else upstreams.replace(peers);
  const net = [...peers.map(address), ...(module.net ?? []).filter((entry) => !replaced.has(entry))];
  return { ...module, net };
}

/** The TLS settings that all of the peers have, or none. */
function sharedTls(peers: readonly Peer[]): PeerTls {
  const asText = ({ tls }: Peer) =>
    JSON.stringify([tls?.serverName ?? null, tls?.caCerts ?? [], tls?.verifyName !== false]);
  const all = new Set(peers.map(asText));
  return all.size === 1 ? { ...peers[0]!.tls } : {};
}

function peerOf(url: string, tls: PeerTls): Peer {
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
    return scheme === "https" ? { address, tls: { ...tls } } : { address };
  } catch {
    throw new UsageError(`--upstream is "${url}", which does not name a host and a port from 0 to 65535`);
  }
}
