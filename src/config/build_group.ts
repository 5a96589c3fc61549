/**
 * Making a group of upstreams out of its settings.
 *
 * @module
 */
import type { Member } from "../balance/backend.ts";
import type { Discovery } from "../balance/discovery.ts";
import { dnsDiscovery } from "../balance/dns_discovery.ts";
import { fileDiscovery } from "../balance/file_discovery.ts";
import type { LoadBalancerOptions } from "../balance/group_options.ts";
import type { HealthCheckOptions } from "../balance/health_options.ts";
import { httpCheck } from "../balance/http_check.ts";
import { LoadBalancer } from "../balance/load_balancer.ts";
import { firstAvailable } from "../balance/policies/first_available.ts";
import { clientAddress, cookie, type HashKey, header, path } from "../balance/policies/keys.ts";
import { leastRequests } from "../balance/policies/least_requests.ts";
import { maglev } from "../balance/policies/maglev.ts";
import { peakEwma } from "../balance/policies/peak_ewma.ts";
import { ringHash } from "../balance/policies/ring_hash.ts";
import { roundRobin } from "../balance/policies/round_robin.ts";
import { StickySessions } from "../balance/policies/sticky.ts";
import { weightedRandom } from "../balance/policies/weighted_random.ts";
import type { PolicyFactory } from "../balance/policy.ts";
import { parseAddress } from "../upstream/address.ts";
import type { Peer, PeerTls } from "../upstream/peer.ts";
import { fromFolder } from "./files.ts";
import type { PlannedGroup } from "./plan.ts";
import type { GroupConfig } from "./schema.ts";

type PeerConfig = Pick<GroupConfig, "tls" | "timeouts" | "protocol" | "maxIdle" | "proxyProtocol">;
type TlsConfig = Exclude<NonNullable<GroupConfig["tls"]>, boolean>;

/**
 * The group of that name.
 *
 * @param folder The configuration's folder, which the paths in it start from.
 * @throws {RangeError} when a setting cannot be used
 */
export async function buildGroup(name: string, config: GroupConfig, folder: string): Promise<PlannedGroup> {
  const peer = await peerOf(config, folder);
  const members = await Promise.all((config.members ?? []).map((member) => memberOf(member, peer, folder)));
  const { policy, key } = policyOf(config.policy);
  const health = await healthOf(config.check, folder);
  const sticky = await stickyOf(config.sticky, folder);
  const discovery = discoveryOf(config.discovery, peer, folder);
  const { outlier, breaker, slowStart, queue, retryBudget, zone, panic, trustNew } = config;
  const balancer = new LoadBalancer(
    members,
    compact<LoadBalancerOptions>({
      ...{ name, policy, key, sticky, health, discovery },
      ...{ outlier, breaker, slowStart, queue, retryBudget, zone, panic, trustNew },
    }),
  );
  const { services } = balancer;
  return {
    name,
    balancer,
    services: config.check === false
      ? services.filter((service) => service !== balancer.healthChecks)
      : services,
    isSticky: sticky !== undefined,
  };
}

/** Without the keys that have no value. */
function compact<T extends object>(given: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}

async function peerOf(config: PeerConfig, folder: string): Promise<Omit<Peer, "address">> {
  const { timeouts, protocol, maxIdle, proxyProtocol } = config;
  const tls = config.tls ? await tlsOf(config.tls, folder) : undefined;
  return compact<Omit<Peer, "address">>({ tls, timeouts, maxIdle, proxyProtocol, ...{ protocol } });
}

async function tlsOf(config: true | TlsConfig, folder: string): Promise<PeerTls> {
  if (config === true) return {};
  const { caCerts, ...tls } = config;
  if (caCerts === undefined) return tls;
  return {
    ...tls,
    caCerts: await Promise.all(caCerts.map((file) => Deno.readTextFile(fromFolder(folder, file)))),
  };
}

async function memberOf(
  config: NonNullable<GroupConfig["members"]>[number],
  shared: Omit<Peer, "address">,
  folder: string,
): Promise<Member> {
  if (typeof config === "string") return { peer: { ...shared, address: config } };
  const { address, weight, priority, backup, zone, maxInFlight, labels, ...own } = config;
  const peer: Peer = { ...shared, ...await peerOf(own, folder), address };
  if (own.tls === false) delete peer.tls;
  return compact<Member>({ peer, weight, priority, backup, zone, maxInFlight, labels });
}

const POLICY = {
  roundRobin,
  leastRequests,
  peakEwma,
  weightedRandom,
  firstAvailable,
};

/** A policy, and what it goes by if it hashes: the client, where nothing is said. */
function policyOf(config: GroupConfig["policy"] = "roundRobin"): { policy: PolicyFactory; key?: HashKey } {
  if (config === "ringHash" || config === "maglev") return policyOf({ [config]: {} });
  if (typeof config === "string") return { policy: POLICY[config]() };
  if (config.leastRequests !== undefined) return { policy: leastRequests(config.leastRequests) };
  if (config.peakEwma !== undefined) return { policy: peakEwma(config.peakEwma) };
  const { key, ...options } = { ...config.ringHash, ...config.maglev };
  const policy = config.ringHash === undefined ? maglev(options) : ringHash(options);
  return { policy, key: keyOf(key) };
}

function keyOf(text = "client"): HashKey {
  if (text === "client") return clientAddress;
  if (text === "path") return path;
  const [kind, name] = text.split(":") as [string, string];
  return kind === "header" ? header(name) : cookie(name);
}

async function healthOf(
  config: GroupConfig["check"],
  folder: string,
): Promise<HealthCheckOptions | undefined> {
  if (config === undefined || config === false) return undefined;
  const { http, tcp: _, ...rest } = config;
  if (http === undefined) return rest;
  const { tls, ...options } = http;
  return {
    ...rest,
    check: httpCheck({ ...options, ...(tls === undefined ? {} : { tls: tls && await tlsOf(tls, folder) }) }),
  };
}

async function stickyOf(config: GroupConfig["sticky"], folder: string): Promise<StickySessions | undefined> {
  if (config === undefined) return undefined;
  const { secret, secretFile, maxAge, ...options } = config;
  return new StickySessions({
    ...options,
    ...(maxAge === undefined ? {} : { maxAge: Math.round(maxAge / 1_000) }),
    secret: secret ?? await linesOf(fromFolder(folder, secretFile!)),
  });
}

async function linesOf(file: string): Promise<string[]> {
  return (await Deno.readTextFile(file)).split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

function discoveryOf(
  config: GroupConfig["discovery"],
  peer: Omit<Peer, "address">,
  folder: string,
): Discovery | undefined {
  if (config?.file !== undefined) {
    const { path, ...options } = config.file;
    return fileDiscovery(fromFolder(folder, path), { ...options, peer });
  }
  if (config?.dns === undefined) return undefined;
  const { nameServer, ...options } = config.dns;
  if (nameServer === undefined) return dnsDiscovery({ ...options, peer });
  const server = parseAddress(nameServer);
  if (server.transport !== "tcp") throw new RangeError("Cannot use a name server at a Unix socket");
  return dnsDiscovery({ ...options, peer, nameServer: { ipAddr: server.hostname, port: server.port } });
}
