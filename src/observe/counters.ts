/**
 * What a proxy counts.
 *
 * @module
 */

/** Counts of one proxy since its start. */
export class Counters {
  /** Requests being worked on now. */
  active = 0;
  /** Requests that ended. */
  requests = 0;
  /** Ended requests by the hundreds of their status: `[4]` counts 400 to 499. */
  readonly byClass: number[] = [0, 0, 0, 0, 0, 0];
  /** Requests whose client left before the answer was complete. */
  clientGone = 0;
  /** Attempts after the first. */
  retries = 0;
  /** Upstream connections opened. */
  connects = 0;
  /** Requests sent on a connection that had served one before. */
  reuses = 0;

  /** Counts the end of a request. */
  end(status: number): void {
    this.requests++;
    this.byClass[(status / 100) | 0]!++;
    this.active--;
  }
}
