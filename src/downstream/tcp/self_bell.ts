/**
 * A connection of a listener to itself, for the event loop to be woken by: the one address that the process may always
 * reach.
 *
 * @module
 */
import type { Bell } from "../../http/turns.ts";

const BYTE = new Uint8Array(1);

/** Both ends of the connection. */
export class SelfBell implements Bell {
  readonly #near: Deno.Conn;
  readonly #far: Deno.Conn;
  readonly #buffer = new Uint8Array(1);

  constructor(near: Deno.Conn, far: Deno.Conn) {
    this.#near = near;
    this.#far = far;
  }

  /** A byte from one end to the other. It is waited for before it is sent, so that only the event loop can find it. */
  async ring(): Promise<void> {
    const coming = this.#far.read(this.#buffer);
    await this.#near.write(BYTE);
    await coming;
  }

  /** Closes both ends. */
  close(): void {
    this.#near.close();
    this.#far.close();
  }
}

/** Whether an accepted connection is the other end of one that was opened here. */
export function isOtherEnd(accepted: Deno.Conn, opened: Deno.Conn): boolean {
  const [theirs, ours] = [accepted.remoteAddr, opened.localAddr];
  return theirs.transport === "tcp" && ours.transport === "tcp" && theirs.port === ours.port &&
    theirs.hostname === ours.hostname;
}
