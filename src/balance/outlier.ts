/**
 * Passive health checks: taking a backend out for a while because of how it answers.
 *
 * @module
 */
import { messageOf, ProxyError } from "../http/errors.ts";
import { isTimeout, LONGEST_TIMEOUT } from "../upstream/peer.ts";
import { statusSet } from "../http/status_set.ts";

/** When a backend is ejected, and for how long. */
export interface OutlierOptions {
  /** So many failures to connect (or of the TLS handshake) in a row; 0 does not count them. @default {3} */
  connectFailures?: number;
  /**
   * So many errors in a row: bad statuses, answers that broke off or did not come, failures to connect; 0 does not count
   * them. @default {5}
   */
  errors?: number;
  /**
   * The statuses that are errors. Where a client can provoke a 500 at will, `"502-504"` is safer: it could otherwise have
   * backends ejected. @default {"500-599"}
   */
  errorStatuses?: string;
  /** An answer whose head takes longer, in milliseconds, is slow; 0 minds none. @default {0} */
  slowAfter?: number;
  /** So many slow answers in a row. @default {5} */
  slowAnswers?: number;
  /** How long a backend is out the first time, in milliseconds; it doubles each time. @default {10_000} */
  ejectFor?: number;
  /** The longest that it is out, in milliseconds. @default {300_000} */
  maxEjectFor?: number;
  /** The most of a group that may be out, ejected or down, when one more is ejected. @default {0.5} */
  maxShare?: number;
}

/** {@linkcode OutlierOptions}, checked and complete; one for all backends of a group. */
export interface OutlierRules extends Required<OutlierOptions> {
  /** Whether a status is an error. */
  readonly isError: (status: number) => boolean;
}

const DEFAULTS: Required<OutlierOptions> = {
  connectFailures: 3,
  errors: 5,
  errorStatuses: "500-599",
  slowAfter: 0,
  slowAnswers: 5,
  ejectFor: 10_000,
  maxEjectFor: 300_000,
  maxShare: 0.5,
};

/**
 * Completes the options.
 *
 * @throws {RangeError} that names the option that cannot be used
 */
export function outlierRules(options: OutlierOptions = {}): OutlierRules {
  const rules = { ...DEFAULTS, ...options };
  const refuseUnless = (name: keyof OutlierOptions, holds: boolean, expected: string) => {
    if (holds) return;
    throw new RangeError(`Cannot use outlier "${name}": expected ${expected}, found ${rules[name]}`);
  };
  for (const name of ["connectFailures", "errors"] as const) {
    refuseUnless(name, Number.isSafeInteger(rules[name]) && rules[name] >= 0, "a whole number >= 0");
  }
  refuseUnless(
    "slowAnswers",
    Number.isSafeInteger(rules.slowAnswers) && rules.slowAnswers >= 1,
    "a whole number >= 1",
  );
  refuseUnless("slowAfter", isTimeout(rules.slowAfter), `milliseconds from 0 to ${LONGEST_TIMEOUT}`);
  for (const name of ["ejectFor", "maxEjectFor"] as const) {
    refuseUnless(
      name,
      isTimeout(rules[name]) && rules[name] >= 1,
      `milliseconds from 1 to ${LONGEST_TIMEOUT}`,
    );
  }
  refuseUnless("maxShare", rules.maxShare >= 0 && rules.maxShare <= 1, "a number from 0 to 1");
  return { ...rules, isError: statusSet(rules.errorStatuses) };
}

/** What an {@linkcode Outlier} asks and tells its group. */
export interface OutlierGroup {
  /** Whether one more may be ejected. */
  mayEject(): boolean;
  /** It was ejected, for `ms` milliseconds. */
  ejected(cause: string, ms: number): void;
  /** It is back, after `ms` milliseconds. */
  readmitted(ms: number): void;
}

/** Failures to reach a backend, rather than of it. */
const CONNECT_FAILURES: readonly string[] = ["connect_failed", "connect_timeout", "tls_failed"];

/**
 * The passive checks of one backend.
 *
 * How long it is out doubles with each ejection, and halves again for every `ejectFor` that it has been back since.
 */
export class Outlier {
  /** Until when it is out, on the clock's time; 0 when it is not. */
  until = 0;
  /** Times that it was ejected. */
  ejections = 0;
  readonly #rules: OutlierRules;
  readonly #group: OutlierGroup;
  readonly #now: () => number;
  #connectFailures = 0;
  #errors = 0;
  #slow = 0;
  #doublings = 0;
  #ejectedAt = 0;
  #backAt = 0;

  /** One for a backend that is in. */
  constructor(rules: OutlierRules, group: OutlierGroup, now: () => number = () => performance.now()) {
    this.#rules = rules;
    this.#group = group;
    this.#now = now;
  }

  /** Whether it is out; finds out that its time is over. */
  ejected(now: number): boolean {
    if (this.until === 0) return false;
    if (now < this.until) return true;
    this.#backAt = this.until;
    this.until = 0;
    this.#group.readmitted(now - this.#ejectedAt);
    return false;
  }

  /** It answered with that status; `ms` is the time to the answer's head. */
  succeeded(ms: number, status: number): void {
    if (this.until !== 0 && this.ejected(this.#now())) return;
    const { errors, isError, slowAfter, slowAnswers } = this.#rules;
    this.#connectFailures = 0;
    this.#slow = slowAfter > 0 && ms > slowAfter ? this.#slow + 1 : 0;
    this.#errors = isError(status) ? this.#errors + 1 : 0;
    if (errors > 0 && this.#errors >= errors) {
      this.#eject(`${this.#errors} errors in a row, the last HTTP ${status}`);
    } else if (this.#slow >= slowAnswers) {
      this.#eject(`${this.#slow} answers in a row that took more than ${slowAfter} ms`);
    }
  }

  /** It did not answer. What is not an upstream's fault does not count. */
  failed(error: unknown): void {
    if (this.until !== 0 && this.ejected(this.#now())) return;
    const type = error instanceof ProxyError ? error.type : "upstream_closed";
    if (error instanceof ProxyError && error.source !== "upstream" || type === "no_healthy_upstream") return;
    const { connectFailures, errors } = this.#rules;
    this.#errors++;
    if (CONNECT_FAILURES.includes(type)) this.#connectFailures++;
    else this.#connectFailures = 0;
    if (connectFailures > 0 && this.#connectFailures >= connectFailures) {
      this.#eject(`${this.#connectFailures} failures to connect in a row, the last ${messageOf(error)}`);
    } else if (errors > 0 && this.#errors >= errors) {
      this.#eject(`${this.#errors} errors in a row, the last ${messageOf(error)}`);
    }
  }

  #eject(cause: string): void {
    this.#connectFailures = this.#errors = this.#slow = 0;
    if (!this.#group.mayEject()) return;
    const now = this.#now();
    const { ejectFor, maxEjectFor } = this.#rules;
    if (this.#backAt > 0) {
      this.#doublings = Math.max(0, this.#doublings - Math.floor((now - this.#backAt) / ejectFor));
    }
    const ms = Math.min(ejectFor * 2 ** this.#doublings, maxEjectFor);
    if (ms < maxEjectFor) this.#doublings++;
    this.ejections++;
    this.#ejectedAt = now;
    this.until = now + ms;
    this.#group.ejected(cause, ms);
  }
}
