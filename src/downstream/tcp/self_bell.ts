/**
 * A connection of a listener to itself, for the event loop to be woken by: the listener's is the one address that the
 * process may always reach.
 *
 * @module
 */
import { formatAddress } from "../../upstream/address.ts";
import { type Bell, dropBell, onBellWanted, useBell } from "../../http/turns.ts";

const BYTE = new Uint8Array(1);
/** How long the listener may take to accept itself, in milliseconds. */
const PATIENCE = 1_000;

/** Makes a bell of a listener once there is a use for one. */
export class SelfBell {
  readonly #closing = new AbortController();
  readonly #withdraw: () => void;
  #near: Promise<Deno.Conn | undefined> | undefined = undefined;
  #bell: Pair | undefined = undefined;

  /** @param addr Where the listener is. */
  constructor({ hostname, port }: Deno.NetAddr) {
    this.#withdraw = onBellWanted(() => {
      // On port 0, only the listening was granted: nobody is to be asked in the middle of things.
      const host = formatAddress({ transport: "tcp", hostname, port });
      if (Deno.permissions.querySync({ name: "net", host }).state !== "granted") return;
      this.#near = this.#connect({ hostname, port });
    });
  }

  /** Whether a connection that was accepted may be the bell's: one is expected, and it comes from this machine. */
  mayBe({ remoteAddr, localAddr }: Deno.Conn): boolean {
    return this.#near !== undefined &&
      (remoteAddr as Deno.NetAddr).hostname === (localAddr as Deno.NetAddr).hostname;
  }

  async #connect(where: { hostname: string; port: number }): Promise<Deno.Conn | undefined> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), PATIENCE);
    try {
      return await Deno.connect({ ...where, signal: AbortSignal.any([this.#closing.signal, late.signal]) });
    } catch {
      this.#near = undefined;
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether a connection that was accepted is the bell's; if so, it is taken over. */
  async claims(socket: Deno.Conn): Promise<boolean> {
    const near = await this.#near;
    if (near === undefined || this.#closing.signal.aborted || !isOtherEnd(socket, near)) return false;
    this.#near = undefined;
    useBell(this.#bell = new Pair(near as Deno.TcpConn, socket));
    return true;
  }

  /** Closes it. */
  async close(): Promise<void> {
    this.#withdraw();
    this.#closing.abort();
    const near = this.#near;
    this.#near = undefined;
    (await near)?.close();
    if (this.#bell === undefined) return;
    dropBell(this.#bell);
    this.#bell.close();
    this.#bell = undefined;
  }
}

class Pair implements Bell {
  readonly #near: Deno.TcpConn;
  readonly #far: Deno.Conn;
  readonly #buffer = new Uint8Array(1);

  constructor(near: Deno.TcpConn, far: Deno.Conn) {
    near.setNoDelay(true);
    this.#near = near;
    this.#far = far;
  }

  /** A byte from one end to the other. It is waited for before it is sent, so that only the event loop can find it. */
  async ring(): Promise<void> {
    await Promise.all([this.#far.read(this.#buffer), this.#near.write(BYTE)]);
  }

  close(): void {
    this.#near.close();
    this.#far.close();
  }
}

function isOtherEnd(accepted: Deno.Conn, opened: Deno.Conn): boolean {
  const [theirs, ours] = [accepted.remoteAddr as Deno.NetAddr, opened.localAddr as Deno.NetAddr];
  return theirs.port === ours.port && theirs.hostname === ours.hostname;
}
