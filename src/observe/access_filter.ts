/**
 * Which requests the access log has.
 *
 * @module
 */
import { statusSet } from "../http/status_set.ts";
import type { AccessEntry } from "./access_log.ts";

/** Which requests are logged: those that `status` or `slowerThan` name, and a share of the others. */
export interface AccessFilterOptions {
  /** Statuses, as in `404,5xx`. */
  status?: string;
  /** Requests that took longer, in milliseconds. */
  slowerThan?: number;
  /**
   * The share of the others, from 0 to 1. Where neither of the above is given, those with a status of 500 or more are
   * logged in any case. @default {0, or 1 without `status` and `slowerThan`}
   */
  sample?: number;
}

/**
 * Tells whether a request is logged.
 *
 * @param random The source of chance, from 0 up to but not 1.
 * @throws {RangeError} when the statuses cannot be read
 */
export function accessFilter(
  { status, slowerThan = Infinity, sample }: AccessFilterOptions,
  random: () => number = Math.random,
): (entry: AccessEntry) => boolean {
  const isNamed = status !== undefined || slowerThan !== Infinity;
  const isPicked = statusSet(status ?? "5xx");
  const share = sample ?? (isNamed ? 0 : 1);
  const byStatus = status !== undefined || !isNamed;
  return (entry) =>
    (byStatus && isPicked(entry.status)) || entry.totalMs > slowerThan || (share > 0 && random() < share);
}
