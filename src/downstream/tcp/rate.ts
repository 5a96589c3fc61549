/**
 * How fast a client sends, or takes what it is sent.
 *
 * @module
 */

/** A client gets that long before its speed counts, in milliseconds. As Kestrel, where it is 5 s as well. */
const GRACE = 5_000;

/** Bytes over the time that was spent waiting for them: what the proxy itself takes is not held against the client. */
export class Rate {
  #bytes = 0;
  #waited = 0;
  #since = -1;

  /** Waiting begins. */
  begin(now: number): void {
    this.#since = now;
  }

  /** Waiting ends with so many bytes. */
  end(now: number, bytes: number): void {
    this.#waited += now - this.#since;
    this.#since = -1;
    this.#bytes += bytes;
  }

  /** What was waited until now does not count. */
  restart(now: number): void {
    this.#waited = 0;
    if (this.#since >= 0) this.#since = now;
  }

  /** Whether a wait is under way, and all of them so far gave fewer bytes a second than `least`. */
  isBelow(least: number, now: number): boolean {
    if (this.#since < 0) return false;
    const waited = this.#waited + now - this.#since;
    return waited > GRACE && this.#bytes * 1000 < least * waited;
  }
}
