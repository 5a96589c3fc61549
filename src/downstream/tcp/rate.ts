/**
 * How fast a client sends, or takes what it is sent.
 *
 * @module
 */

/** A client gets that long before its speed counts, in milliseconds. As Kestrel, where it is 5 s as well. */
const GRACE = 5_000;
/** How long being fast makes up for being slow later, in milliseconds. */
const CREDIT = 60_000;

/** Bytes over the time that was spent waiting for them: what the proxy itself takes is not held against the client. */
export class Rate {
  #bytes = 0;
  #waited = 0;
  #since = -1;

  /** Waiting begins. */
  begin(now: number): void {
    this.#since = now;
  }

  /** Waiting ends with so many bytes. What is far more than `least` a second counts for a while only. */
  end(now: number, bytes: number, least: number): void {
    this.#waited += now - this.#since;
    this.#since = -1;
    this.#bytes = Math.min(this.#bytes + bytes, (this.#waited + CREDIT) * least / 1000);
  }

  /** Begins anew; a wait that is under way counts from now on. */
  restart(now: number): void {
    this.#bytes = this.#waited = 0;
    if (this.#since >= 0) this.#since = now;
  }

  /** Whether a wait is under way, and all of them so far gave fewer bytes a second than `least`. */
  isBelow(least: number, now: number): boolean {
    if (this.#since < 0) return false;
    const waited = this.#waited + now - this.#since;
    return waited > GRACE && this.#bytes * 1000 < least * waited;
  }
}
