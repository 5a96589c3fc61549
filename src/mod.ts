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
  ModulePermissions,
  ProxyModule,
  ProxyOptions,
} from "./proxy/hooks.ts";
export type { RequestHead, ResponseHead, Session, UpstreamGroup } from "./proxy/hooks.ts";
export type { Coding, CompressionOptions } from "./proxy/compression_options.ts";
export { type Running, type StartOptions, startProxy } from "./proxy/start.ts";
export type { Hsts, ListenerOptions, ListenerTls } from "./downstream/listener_options.ts";
export { LoadBalancer } from "./balance/load_balancer.ts";
export type { LoadBalancerOptions } from "./balance/group_options.ts";
export { type HealthCheckOptions, HealthChecks } from "./balance/health_checks.ts";
export { type AdminState, Backend, type Member } from "./balance/backend.ts";
export type { Asking } from "./balance/asking.ts";
export type { RetryBudgetOptions } from "./balance/retry_budget.ts";
export type { Choice, Policy, PolicyFactory } from "./balance/policy.ts";
export { firstAvailable } from "./balance/policies/first_available.ts";
export type { HashKey, KeySource } from "./balance/policies/keys.ts";
export * as hashKeys from "./balance/policies/keys.ts";
export { leastRequests, type LeastRequestsOptions } from "./balance/policies/least_requests.ts";
export type { LoadChoice } from "./balance/policies/load_bound.ts";
export { maglev, type MaglevOptions } from "./balance/policies/maglev.ts";
export { observeLatency, peakEwma, type PeakEwmaOptions } from "./balance/policies/peak_ewma.ts";
export { ringHash, type RingHashOptions } from "./balance/policies/ring_hash.ts";
export { roundRobin } from "./balance/policies/round_robin.ts";
export type { RandomOptions, RandomSource } from "./balance/policies/sampler.ts";
export { StickySessions, type StickySessionsOptions } from "./balance/policies/sticky.ts";
export { weightedRandom } from "./balance/policies/weighted_random.ts";
export { type Check, tcpCheck } from "./balance/tcp_check.ts";
export { httpCheck, type HttpCheckOptions } from "./balance/http_check.ts";
export type { BackendEvent, BackendEventType, BackendListener, GroupEvents } from "./balance/events.ts";
export type { GuardOptions } from "./balance/guards.ts";
export type { Outlier, OutlierOptions } from "./balance/outlier.ts";
export type { CircuitBreaker, CircuitBreakerOptions, CircuitState } from "./balance/circuit_breaker.ts";
export type { Discovery } from "./balance/discovery.ts";
export type { NameServer } from "./balance/dns_lookup.ts";
export type { Family } from "./balance/known_names.ts";
export { dnsDiscovery, type DnsDiscoveryOptions } from "./balance/dns_discovery.ts";
export { fileDiscovery, type FileDiscoveryOptions } from "./balance/file_discovery.ts";
export { staticDiscovery } from "./balance/static_discovery.ts";
export type { AccessEntry } from "./observe/access_log.ts";
export { Counters } from "./observe/counters.ts";
export { Quantiles } from "./observe/histogram.ts";
export {
  type AttemptTrace,
  type RequestTrace,
  startTracing,
  type TracedRequest,
  type Tracing,
} from "./observe/tracing.ts";
export {
  DEFAULT_TIMEOUTS,
  type Peer,
  type PeerProtocol,
  type PeerTimeouts,
  type PeerTls,
} from "./upstream/peer.ts";
export { type ErrorSource, type ErrorType, ProxyError } from "./http/errors.ts";
export { HeaderList } from "./http/headers.ts";
