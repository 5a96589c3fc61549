/**
 * Spreading requests over several upstreams.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";
import type { Peer } from "../upstream/peer.ts";
import { Backend } from "./backend.ts";
import { type HealthCheckOptions, HealthChecks } from "./health_checks.ts";
import type { Policy } from "./policy.ts";
import { RoundRobin } from "./round_robin.ts";

/** Settings of a {@linkcode LoadBalancer}. */
export interface LoadBalancerOptions {
  /** How a backend is chosen. @default {new RoundRobin()} */
  policy?: Policy;
  /** How backends are checked. */
  health?: HealthCheckOptions;
}

/**
 * A group of upstreams of which each request gets a healthy one.
 *
 * @example
 * ```ts
 * import { LoadBalancer } from "./load_balancer.ts";
 * const upstreams = new LoadBalancer([{ address: "10.0.0.1:80" }, { address: "10.0.0.2:80" }]);
 * export const backgroundServices = [upstreams.healthChecks];
 * export const upstreamPeer = () => upstreams.select();
 * ```
 */
export class LoadBalancer {
  /** The health checks, for a module's `backgroundServices`. */
  readonly healthChecks: HealthChecks;
  readonly #policy: Policy;
  #backends: Backend[];

  /**
   * A group of these peers.
   *
   * @throws {RangeError} that names every peer that cannot be used, or a health check option
   */
  constructor(peers: readonly Peer[], options: LoadBalancerOptions = {}) {
    this.#backends = backendsOf(peers);
    this.#policy = options.policy ?? new RoundRobin();
    this.healthChecks = new HealthChecks(() => this.#backends, options.health);
  }

  /** The members. */
  get peers(): readonly Peer[] {
    return this.#backends.map(({ peer }) => peer);
  }

  /** The members with their state. */
  get backends(): readonly Backend[] {
    return this.#backends;
  }

  /**
   * Replaces the members; those that stay keep their state and take over new settings.
   *
   * @throws {RangeError} that names every peer that cannot be used; then the members stay as they were
   */
  replace(peers: readonly Peer[]): void {
    const known = new Map(this.#backends.map((backend) => [backend.key, backend]));
    this.#backends = backendsOf(peers).map((backend) => {
      const before = known.get(backend.key);
      if (before === undefined) return backend;
      known.delete(backend.key);
      before.peer = backend.peer;
      return before;
    });
  }

  /**
   * The peer for a request.
   *
   * @param tried Peers that failed this request already, `session.tried`; they are taken again only when no other is left.
   * @throws {ProxyError} `no_healthy_upstream`, a 503 for the client
   */
  select(tried: readonly Peer[] = []): Peer {
    const backends = this.#backends;
    const backend =
      (tried.length > 0
        ? this.#policy.pick(backends, (b) => b.healthy && !tried.includes(b.peer))
        : undefined) ??
        this.#policy.pick(backends, isHealthy);
    if (backend === undefined) {
      throw new ProxyError("no_healthy_upstream", `None of the ${backends.length} upstreams is healthy`);
    }
    return backend.peer;
  }
}

function backendsOf(peers: readonly Peer[]): Backend[] {
  const problems: string[] = [];
  const backends: Backend[] = [];
  for (const [i, peer] of peers.entries()) {
    try {
      backends.push(new Backend(peer));
    } catch (error) {
      problems.push(`peers[${i}]: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new RangeError(problems.join("; "));
  return backends;
}

function isHealthy(backend: Backend): boolean {
  return backend.healthy;
}
