/**
 * Spreading requests over several upstreams.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";
import type { HeaderList } from "../http/headers.ts";
import type { Peer } from "../upstream/peer.ts";
import { observePeer, observerOf } from "../upstream/peer_observer.ts";
import type { Asking } from "./asking.ts";
import { type AdminState, Backend, type Member } from "./backend.ts";
import { BackendObserver } from "./backend_observer.ts";
import { Chooser } from "./chooser.ts";
import { GroupEvents } from "./events.ts";
import { checkGroupOptions, type LoadBalancerOptions } from "./group_options.ts";
import { Guards } from "./guards.ts";
import { HealthChecks } from "./health_checks.ts";
import { roundRobin } from "./policies/round_robin.ts";
import { Reservations } from "./reservations.ts";
import { RetryBudget } from "./retry_budget.ts";
import { WaitingLine } from "./waiting_line.ts";

const NOBODY: Partial<Asking> = {};

/**
 * A group of upstreams of which each request gets one that can take it.
 *
 * A backend can take requests when its operator, its checks, its breaker and its limit allow. Those that failed the
 * request already are taken again only when no other is left.
 *
 * @example
 * ```ts
 * import { LoadBalancer } from "./load_balancer.ts";
 * const upstreams = new LoadBalancer([{ address: "10.0.0.1:80" }, { address: "10.0.0.2:80" }]);
 * export const backgroundServices = upstreams.services;
 * export const upstreamPeer = upstreams.select;
 * ```
 */
export class LoadBalancer {
  /** Named in the log. */
  readonly name: string;
  /** The health checks, one of the {@linkcode LoadBalancer.services}. */
  readonly healthChecks: HealthChecks;
  /** The background services: health checks, and discovery if there is one. */
  readonly services: { name: string; run(signal: AbortSignal): Promise<void> }[];
  /** What happens to the members. */
  readonly events: GroupEvents = new GroupEvents();
  /** Requests under way, on all members. */
  inFlight = 0;
  readonly #options: LoadBalancerOptions;
  readonly #chooser: Chooser;
  readonly #line: WaitingLine<Peer>;
  readonly #budget: RetryBudget;
  readonly #guards: Guards;
  readonly #reservations: Reservations = new Reservations(() => this.#line.serve());
  #members: readonly (Member | Peer)[] = [];
  #backends: readonly Backend[] = [];
  #byPeer: ReadonlyMap<Peer, Backend> = new Map();

  /**
   * A group of these members.
   *
   * @throws {RangeError} that names every member that cannot be used, or an option
   */
  constructor(members: readonly (Member | Peer)[], options: LoadBalancerOptions = {}) {
    const { name = "upstreams", queue, slowStart = 0, panic = 0 } = options;
    const { events } = this;
    const backends = () => this.#backends;
    checkGroupOptions(options);
    this.name = name;
    this.#options = options;
    this.#line = new WaitingLine(queue?.size ?? 100);
    this.#budget = new RetryBudget(options.retryBudget);
    this.#guards = new Guards(options, { backends, events, slowStart });
    const service = { name: `health checks of ${name}`, events, slowStart };
    this.healthChecks = new HealthChecks(backends, options.health, service);
    this.services = [this.healthChecks, ...this.#discovery()];
    this.#chooser = new Chooser({
      policy: options.policy ?? roundRobin(),
      key: options.key,
      sticky: options.sticky,
      slowStart,
      zone: options.zone,
      panic,
      needsClock: options.outlier !== undefined || options.breaker !== undefined || slowStart > 0 ||
        panic > 0,
      inFlight: () => this.inFlight,
      checking: () => this.healthChecks.running && !options.trustNew,
    });
    // Not at once: it may have come to light in the middle of a choice.
    events.listen(() => queueMicrotask(() => this.#line.serve()));
    this.replace(members);
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
   * Replaces the members. Those that stay keep their state, counts and connections and take over new settings; those
   * that go finish what they have begun.
   *
   * @throws {RangeError} that names every member that cannot be used; then the members stay as they were
   */
  replace(members: readonly (Member | Peer)[]): void {
    const fresh = backendsOf(members);
    this.#members = members;
    const before = new Map(this.#backends.map((backend) => [backend.key, backend]));
    const added: Backend[] = [];
    this.#backends = fresh.map(([backend, member]) => {
      const known = before.get(backend.key);
      before.delete(backend.key);
      if (known === undefined) added.push(backend);
      else known.configure(member);
      const kept = known ?? backend;
      this.#observe(kept);
      return kept;
    });
    this.#byPeer = new Map(this.#backends.map((backend) => [backend.peer, backend]));
    for (const backend of added) this.#guards.attach(backend);
    this.#chooser.update(this.#backends);
    for (const backend of added) this.events.tell("added", backend);
    for (const backend of before.values()) this.events.tell("removed", backend);
    this.healthChecks.changed();
    this.#line.serve();
  }

  /**
   * Takes the place of another group: members of both keep their health, their counts and what an operator has said of them.
   * Where members are found by a discovery, those found before are there until it has looked again. The other group goes on
   * with the requests that it has.
   */
  inherit(before: LoadBalancer): void {
    const members = this.#options.discovery === undefined ? this.#members : before.#members;
    this.#backends = before.backends;
    for (const backend of this.#backends) this.#guards.attach(backend);
    this.replace(members);
  }

  /**
   * The peer for a request; a promise when it has to wait for a backend that is full, or not yet checked.
   *
   * @param asking A hook's `session`: what it tried, what it hashes to, whether it is still wanted.
   * @throws {ProxyError} `no_healthy_upstream` or `overloaded`, a 503 for the client
   */
  readonly select = (asking: Partial<Asking> = NOBODY): Peer | Promise<Peer> => {
    // Whoever waits comes first.
    const backend = this.#line.length === 0 ? this.#chooser.choose(asking) : undefined;
    if (backend !== undefined) return this.#give(backend);
    this.#refuseInVain();
    const { timeout = 1_000 } = this.#options.queue ?? {};
    return this.#line.wait(() => this.#takePlace(asking), timeout, asking.signal);
  };

  /** Has the client come back to the backend that answered it; for a module's `responseFilter`. */
  stick(asking: Pick<Asking, "tried" | "request">, response: { readonly headers: HeaderList }): void {
    const { sticky } = this.#options;
    const backend = this.#byPeer.get(asking.tried.at(-1)!);
    if (sticky === undefined || backend === undefined || this.#chooser.stuckTo(asking) === backend) return;
    response.headers.append("set-cookie", sticky.cookieFor(backend));
  }

  /**
   * Sets what an operator wants of a member: `enabled`, `draining` (no new requests but those that stick to it) or
   * `disabled` (none at all, and no checks). Whether there is such a member.
   *
   * @param label Its address.
   */
  setAdmin(label: string, admin: AdminState, reason = "an operator"): boolean {
    const found = this.#backends.filter((backend) => backend.label === label);
    for (const backend of found) {
      if (backend.admin === admin) continue;
      backend.admin = admin;
      this.events.tell(admin === "enabled" ? "enabled" : "drained", backend, reason);
      // It may not have been checked while it was disabled.
      if (admin === "enabled" && this.healthChecks.running) void this.healthChecks.checkNow(backend);
    }
    return found.length > 0;
  }

  /** An attempt on a member has begun. */
  begun(backend: Backend, isFirst: boolean): void {
    this.inFlight++;
    this.#reservations.take(backend);
    if (isFirst) this.#budget.deposit();
  }

  /** An attempt is over: a request that waits may have its place. */
  ended(): void {
    this.inFlight--;
    if (this.#line.length > 0) this.#line.serve();
  }

  /** Whether the retry budget allows another attempt; if so, it is taken off. */
  mayRetry(): boolean {
    return this.#budget.withdraw();
  }

  #discovery() {
    const { discovery } = this.#options;
    if (discovery === undefined) return [];
    const run = (signal: AbortSignal) => discovery.run(signal, (found) => this.replace(found));
    return [{ name: discovery.name, run }];
  }

  /** What a request that waits takes, if it can have anything. */
  #takePlace(asking: Partial<Asking>): Peer | undefined {
    const backend = this.#chooser.choose(asking);
    return backend === undefined ? this.#refuseInVain() : this.#give(backend);
  }

  /** Until its request begins, nobody else may have its place. */
  #give(backend: Backend): Peer {
    if (backend.maxInFlight !== Infinity) this.#reservations.add(backend);
    return backend.peer;
  }

  /** Learns how requests to the backend go. A peer object that other groups or members have too is not shared. */
  #observe(backend: Backend): void {
    const observer = observerOf(backend.peer);
    const isOwn = observer instanceof BackendObserver && observer.backend === backend;
    if (isOwn && observer.group === this) return;
    if (observer !== undefined && !isOwn) backend.peer = { ...backend.peer };
    observePeer(backend.peer, new BackendObserver(backend, this));
  }

  #refuseInVain(): undefined {
    if (this.#chooser.isPromising(this.#backends)) return undefined;
    throw new ProxyError("no_healthy_upstream", `None of the ${this.#backends.length} upstreams is healthy`);
  }
}

function backendsOf(members: readonly (Member | Peer)[]): [Backend, Member | Peer][] {
  const problems: string[] = [];
  const backends: [Backend, Member | Peer][] = [];
  for (const [i, member] of members.entries()) {
    try {
      backends.push([new Backend(member), member]);
    } catch (error) {
      problems.push(`peers[${i}]: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new RangeError(problems.join("; "));
  return backends;
}
