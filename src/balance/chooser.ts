/**
 * Which backend a request gets: the rules around the policy.
 *
 * @module
 */
import type { Peer } from "../upstream/peer.ts";
import type { Asking } from "./asking.ts";
import type { Backend } from "./backend.ts";
import type { HashKey } from "./policies/keys.ts";
import type { LoadChoice } from "./policies/load_bound.ts";
import type { StickySessions } from "./policies/sticky.ts";
import type { PolicyFactory } from "./policy.ts";
import { acceptShare } from "./slow_start.ts";
import { Tiers } from "./tiers.ts";

/** What a {@linkcode Chooser} goes by. */
export interface ChooserOptions {
  /** Spreads requests over backends that are as good as each other. */
  policy: PolicyFactory;
  /** What policies that hash go by. */
  key: HashKey | undefined;
  /** Keeps a client at its backend. */
  sticky: StickySessions | undefined;
  /** How long a backend that recovered takes to get its whole share, in milliseconds. */
  slowStart: number;
  /** Where the proxy stands. */
  zone: string | undefined;
  /** When no more than this share of the first tier is fit, fitness is not heeded; 0 for never. */
  panic: number;
  /** Whether guards or slow start depend on the time. */
  needsClock: boolean;
  /** Requests under way on all members. */
  inFlight: () => number;
  /** Whether backends are being checked, so that one that was not yet is not known to be well. */
  checking: () => boolean;
}

const NONE: readonly Peer[] = [];

/** In a group that is larger, whether there is reason to panic is found out only so often, in milliseconds. */
const LARGE = 64;
const RECOUNT = 20;

/**
 * Chooses backends: the one that the client sticks to; then by policy one that was not tried yet, tier by tier; then one
 * that was. In a panic, those of the first tier that may be down are as good as the others.
 */
export class Chooser {
  readonly #options: ChooserOptions;
  readonly #tiers: Tiers;
  #byKey = new Map<string, Backend>();
  /** What holds for the request that is being chosen for: fields rather than a new function for every request. */
  #tried: readonly Peer[] = NONE;
  #now = 0;
  #panic = false;
  #recountAt = 0;

  /** One without backends. */
  constructor(options: ChooserOptions) {
    this.#options = options;
    this.#tiers = new Tiers(options.policy, options.zone);
  }

  /** Takes over the members. */
  update(backends: readonly Backend[]): void {
    this.#byKey = new Map(backends.map((backend) => [backend.key, backend]));
    this.#tiers.update(backends);
    this.#recountAt = 0;
    this.#options.sticky?.update(backends);
  }

  /** The backend for a request, undefined if none can take it now. */
  choose(asking: Partial<Asking>): Backend | undefined {
    const { sticky, needsClock, slowStart, panic } = this.#options;
    this.#tried = asking.tried ?? NONE;
    this.#now = needsClock ? performance.now() : 0;
    if (sticky !== undefined) {
      const stuck = this.stuckTo(asking);
      const mayReturn = stuck !== undefined && stuck.admin !== "disabled" && this.#isUntried(stuck);
      if (mayReturn && this.#hasRoom(stuck) && this.isFit(stuck)) return stuck;
    }
    const choice = this.#choice(asking);
    const tiers = this.#tiers;
    if (panic > 0 && this.#isPanic()) {
      return tiers.pick(this.#isReachableUntried, choice) ?? tiers.pick(this.#isReachable, choice);
    }
    const preferred = slowStart > 0
      ? tiers.pick(this.#isLucky, choice, this.#isPreferred)
      : tiers.pick(this.#isPreferred, choice);
    if (preferred !== undefined || this.#tried.length === 0) return preferred;
    return tiers.pick(this.#isUsable, choice);
  }

  #choice(asking: Partial<Asking>): LoadChoice {
    const { inFlight } = this.#options;
    const key = this.#options.key?.(asking as Asking);
    return this.#tiers.all.length === 1 ? { key, inFlight: inFlight() } : { key };
  }

  /** Whether waiting makes sense: some backend is full for the moment, or about to be checked. */
  isPromising(backends: readonly Backend[]): boolean {
    this.#now = performance.now();
    return (this.#options.panic > 0 && this.#isPanic()) || backends.some(this.#isPromising);
  }

  readonly #isPromising = (backend: Backend): boolean => {
    if (backend.admin !== "enabled" || backend.weight === 0) return false;
    return (backend.healthy === undefined && this.#options.checking()) || this.isFit(backend);
  };

  /** Whether checks and guards have nothing against it. */
  isFit({ healthy, outlier, breaker }: Backend): boolean {
    return (healthy ?? !this.#options.checking()) &&
      (outlier === undefined || !outlier.ejected(this.#now)) &&
      (breaker === undefined || breaker.allows(this.#now));
  }

  /** The backend that the client's cookie names. */
  stuckTo({ request }: Partial<Asking>): Backend | undefined {
    const key = request && this.#options.sticky?.keyOf(request.headers);
    return key === undefined ? undefined : this.#byKey.get(key);
  }

  readonly #isPreferred = (backend: Backend): boolean => this.#isUsable(backend) && this.#isUntried(backend);

  /** Preferred, and lucky where its share is still growing. */
  readonly #isLucky = (backend: Backend): boolean =>
    this.#isPreferred(backend) &&
    (backend.slowUntil <= this.#now ||
      Math.random() < acceptShare(backend, this.#now, this.#options.slowStart));

  readonly #isUsable = (backend: Backend): boolean => this.#isReachable(backend) && this.isFit(backend);

  readonly #isReachable = (backend: Backend): boolean =>
    backend.admin === "enabled" && this.#hasRoom(backend);

  readonly #isReachableUntried = (backend: Backend): boolean =>
    this.#isReachable(backend) && this.#isUntried(backend);

  #hasRoom({ inFlight, reserved, maxInFlight }: Backend): boolean {
    return inFlight + reserved < maxInFlight;
  }

  #isUntried({ peer }: Backend): boolean {
    return this.#tried.length === 0 || !this.#tried.includes(peer);
  }

  /** Whether too few of the first tier are fit, and none of the others that would stand in for it. */
  #isPanic(): boolean {
    const [first, ...others] = this.#tiers.all;
    if (first === undefined) return false;
    if (first.backends.length <= LARGE || this.#now >= this.#recountAt) {
      this.#recountAt = this.#now + RECOUNT;
      const enabled = first.backends.filter(({ admin }) => admin === "enabled");
      const fit = enabled.filter((backend) => this.isFit(backend)).length;
      this.#panic = enabled.length > 0 && fit <= this.#options.panic * enabled.length &&
        !others.some(({ backends }) =>
          backends.some((backend) => backend.admin === "enabled" && this.isFit(backend))
        );
    }
    return this.#panic;
  }
}
