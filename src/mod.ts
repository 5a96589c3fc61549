/**
 * Postern: a programmable, permission-sandboxed reverse proxy for Deno.
 *
 * A hook module needs the types of {@linkcode ProxyModule} and, often, a {@linkcode LoadBalancer}. A program that runs
 * a proxy of its own starts with {@linkcode startProxy}.
 *
 * @example
 * ```ts
 * import { startProxy } from "./mod.ts";
 * const running = startProxy({ listen: "127.0.0.1:0", upstreamPeer: () => ({ address: "127.0.0.1:8080" }) });
 * await running.stop(0);
 * ```
 *
 * @module
 */
export type {
  Awaitable,
  BackgroundService,
  Connected,
  FilteredChunk,
  ProxyModule,
  ProxyOptions,
} from "./proxy/hooks.ts";
export type { RequestHead, ResponseHead, Session, UpstreamGroup } from "./proxy/hooks.ts";
export { type Running, type StartOptions, startProxy } from "./proxy/start.ts";
export { LoadBalancer, type LoadBalancerOptions } from "./balance/load_balancer.ts";
export { type HealthCheckOptions, HealthChecks } from "./balance/health_checks.ts";
export { Backend } from "./balance/backend.ts";
export type { Policy } from "./balance/policy.ts";
export { RoundRobin } from "./balance/round_robin.ts";
export { type Check, tcpCheck } from "./balance/tcp_check.ts";
export type { AccessEntry } from "./observe/access_log.ts";
export { Counters } from "./observe/counters.ts";
export { DEFAULT_TIMEOUTS, type Peer, type PeerTimeouts, type PeerTls } from "./upstream/peer.ts";
export { type ErrorSource, type ErrorType, ProxyError } from "./http/errors.ts";
export { HeaderList } from "./http/headers.ts";
