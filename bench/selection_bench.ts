/** Choosing a backend: every policy, at several sizes and with some of the group down. */
import type { Backend } from "../src/balance/backend.ts";
import { firstAvailable } from "../src/balance/policies/first_available.ts";
import { leastRequests } from "../src/balance/policies/least_requests.ts";
import { maglev } from "../src/balance/policies/maglev.ts";
import { observeLatency, peakEwma } from "../src/balance/policies/peak_ewma.ts";
import { ringHash } from "../src/balance/policies/ring_hash.ts";
import { roundRobin } from "../src/balance/policies/round_robin.ts";
import { StickySessions } from "../src/balance/policies/sticky.ts";
import { weightedRandom } from "../src/balance/policies/weighted_random.ts";
import type { Policy, PolicyFactory } from "../src/balance/policy.ts";
import { HeaderList } from "../src/http/headers.ts";
import { chance, members, told } from "../tests/support/members.ts";

const SIZES = [10, 1_000, 10_000];
/** Shares of a group that are down. */
const DOWN = [0, 0.1, 0.5];
/** A single pick is too short for the clock. */
const PICKS = 1_000;

const POLICIES: Record<string, { make: PolicyFactory; weights: "equal" | "unequal" }> = {
  "roundRobin, equal weights": { make: roundRobin(), weights: "equal" },
  "roundRobin, unequal": { make: roundRobin(), weights: "unequal" },
  "weightedRandom, unequal": { make: weightedRandom(), weights: "unequal" },
  "leastRequests of two, unequal": { make: leastRequests(), weights: "unequal" },
  "leastRequests of all, unequal": { make: leastRequests({ choices: "all" }), weights: "unequal" },
  "peakEwma, unequal": { make: peakEwma(), weights: "unequal" },
  "ringHash": { make: ringHash(), weights: "equal" },
  "ringHash, bounded load": { make: ringHash({ loadFactor: 1.25 }), weights: "equal" },
  "maglev": { make: maglev(), weights: "equal" },
  "firstAvailable": { make: firstAvailable(), weights: "equal" },
};

const keys = Array.from({ length: PICKS }, (_, i) => `10.20.${i >> 8}.${i & 255}`);

/** A group under load: two requests under way at each on average, answers of some milliseconds. */
function group(size: number, weights: "equal" | "unequal"): { backends: Backend[]; inFlight: number } {
  const random = chance(size);
  const backends = members(Array.from({ length: size }, (_, i) => weights === "equal" ? 1 : 1 + i % 5));
  for (const backend of backends) {
    backend.inFlight = 1 + Math.floor(random() * 3);
    observeLatency(backend, 5 + 10 * random(), performance.now());
  }
  return { backends, inFlight: backends.reduce((sum, { inFlight }) => sum + inFlight, 0) };
}

function pickAll(policy: Policy, inFlight: number): void {
  for (let i = 0; i < PICKS; i++) policy.pick(isUp, { key: keys[i], ...{ inFlight } });
}

function isUp(backend: Backend): boolean {
  return backend.healthy !== false && backend.inFlight < backend.maxInFlight;
}

for (const size of SIZES) {
  for (const [name, { make, weights }] of Object.entries(POLICIES)) {
    for (const share of DOWN) {
      let ready: { policy: Policy; inFlight: number } | undefined;
      const state = share === 0 ? "all up" : `${share * 100} % down`;
      Deno.bench({
        name: `${name}, ${state}`,
        group: `${PICKS} picks from ${size}`,
        fn: () => {
          if (ready === undefined) {
            const { backends, inFlight } = group(size, weights);
            const random = chance(3);
            for (const backend of backends) if (random() < share) backend.healthy = false;
            ready = { policy: told(make, backends), inFlight };
          }
          pickAll(ready.policy, ready.inFlight);
        },
      });
    }
  }
}

for (const size of SIZES) {
  for (const [name, { make, weights }] of Object.entries(POLICIES)) {
    let backends: Backend[] | undefined;
    Deno.bench({
      name,
      group: `told of ${size}`,
      fn: () => {
        backends ??= members(Array.from({ length: size }, (_, i) => weights === "equal" ? 1 : 1 + i % 5));
        make().update(backends);
      },
    });
  }
}

const sticky = new StickySessions({ secret: "the secret of a benchmark" });
const stickyMembers = members(1_000);
sticky.update(stickyMembers);
const cookie = `theme=dark; ${sticky.cookieFor(stickyMembers[7]!).split(";")[0]}; session=4f9a2c7be01d`;
const returning = new HeaderList([["host", "example.com"], ["accept", "*/*"], ["cookie", cookie]]);
const fresh = new HeaderList([["host", "example.com"], ["accept", "*/*"]]);
Deno.bench("StickySessions.keyOf(), a valid cookie", { group: "sticky" }, () => void sticky.keyOf(returning));
Deno.bench("StickySessions.keyOf(), no cookie", { group: "sticky" }, () => void sticky.keyOf(fresh));
Deno.bench("StickySessions.cookieFor()", { group: "sticky" }, () => void sticky.cookieFor(stickyMembers[7]!));
