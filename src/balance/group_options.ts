/**
 * The settings of a group of upstreams.
 *
 * @module
 */
import type { Discovery } from "./discovery.ts";
import type { GuardOptions } from "./guards.ts";
import type { HealthCheckOptions } from "./health_checks.ts";
import type { HashKey } from "./policies/keys.ts";
import type { StickySessions } from "./policies/sticky.ts";
import type { PolicyFactory } from "./policy.ts";
import type { RetryBudgetOptions } from "./retry_budget.ts";

/** Settings of a {@linkcode LoadBalancer}. */
export interface LoadBalancerOptions extends GuardOptions {
  /** Named in the log and in what operators see. @default {"upstreams"} */
  name?: string;
  /** How a backend is chosen. @default {roundRobin()} */
  policy?: PolicyFactory;
  /** What policies that hash go by. */
  key?: HashKey;
  /** Keeps a client at its backend by a signed cookie; `responseFilter` has to call {@linkcode LoadBalancer.stick}. */
  sticky?: StickySessions;
  /** How backends are checked. */
  health?: HealthCheckOptions;
  /**
   * Whether a new backend gets requests before its first check. By default it does not: requests that find no other
   * wait for the check, as long as `queue` lets them. @default {false}
   */
  trustNew?: boolean;
  /** A backend that recovers gets its whole share only after so many milliseconds. @default {0} */
  slowStart?: number;
  /** Where the proxy stands: backends of this zone come first. */
  zone?: string;
  /** When no more than this share of the first tier is healthy, its health is not heeded. @default {0, never} */
  panic?: number;
  /** How many requests wait for a backend that is full or not yet checked, and how long. @default {{ size: 100, timeout: 1_000 }} */
  queue?: { size?: number; timeout?: number };
  /** What retries may add to the load. @default {{ share: 0.2, perSecond: 10 }} */
  retryBudget?: RetryBudgetOptions;
  /** Where members come from, beside those given. */
  discovery?: Discovery;
}

/**
 * Makes sure that the options which are nobody else's can be used.
 *
 * @throws {RangeError} that names the one that cannot be
 */
export function checkGroupOptions(
  { slowStart = 0, panic = 0, queue: { size = 0, timeout = 0 } = {} }: LoadBalancerOptions,
): void {
  const rules = [
    ["slowStart", slowStart, slowStart >= 0 && Number.isFinite(slowStart), "milliseconds >= 0"],
    ["panic", panic, panic >= 0 && panic <= 1, "a number from 0 to 1"],
    ["queue.size", size, Number.isSafeInteger(size) && size >= 0, "a whole number >= 0"],
    ["queue.timeout", timeout, timeout >= 0 && timeout < 2 ** 31, "milliseconds >= 0"],
  ] as const;
  for (const [name, value, holds, expected] of rules) {
    if (!holds) {
      throw new RangeError(`Cannot use "${name}" of a LoadBalancer: expected ${expected}, found ${value}`);
    }
  }
}
