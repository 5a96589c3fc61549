/**
 * The front on `Deno.listen`: Postern's own HTTP/1.1 server.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../../http/errors.ts";
import { sleep } from "../../http/sleep.ts";
import { Watchdog } from "../../http/watchdog.ts";
import type { Address } from "../../upstream/address.ts";
import type { Front, FrontHandler } from "../front.ts";
import type { ListenerOptions } from "../listener_options.ts";
import { dropBell, onBellWanted, useBell } from "../../http/turns.ts";
import { ClientConnection, type Server } from "./client_connection.ts";
import { limitsOf, type TcpLimits } from "./limits.ts";
import { isOtherEnd, SelfBell } from "./self_bell.ts";

/** How long to wait after a connection could not be accepted, in milliseconds; doubles up to the second value. */
const ACCEPT_AFTER = [5, 1_000] as const;

/**
 * Listens and answers.
 *
 * @throws when the address cannot be listened on, as `Deno.listen`
 */
export function listenTcp(address: Address, handler: FrontHandler, options: ListenerOptions): Front {
  return new TcpFront(address, handler, limitsOf(options));
}

class TcpFront implements Front, Server {
  readonly handler: FrontHandler;
  readonly limits: TcpLimits;
  readonly watchdog = new Watchdog();
  draining = false;
  readonly failed = false;
  readonly #listener: Deno.Listener;
  readonly #connections = new Set<ClientConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #stopping = new AbortController();
  readonly #accepting: Promise<void>;
  #onClosed: (() => void) | undefined = undefined;
  #bell: SelfBell | undefined = undefined;
  #near: Promise<Deno.Conn | undefined> | undefined = undefined;
  #makesNoBell = () => {};

  constructor(address: Address, handler: FrontHandler, limits: TcpLimits) {
    this.handler = handler;
    this.limits = limits;
    this.#listener = address.transport === "unix"
      ? Deno.listen({ transport: "unix", path: address.path })
      : Deno.listen({ hostname: address.hostname, port: address.port });
    this.#accepting = this.#accept();
    if (address.transport === "tcp") this.#makesNoBell = onBellWanted(() => this.#connectBell(address));
  }

  get addr(): Deno.Addr {
    return this.#listener.addr;
  }

  closed(connection: ClientConnection): void {
    this.#connections.delete(connection);
    const { clientAddress } = connection;
    const left = this.#perAddress.get(clientAddress)! - 1;
    if (left > 0) this.#perAddress.set(clientAddress, left);
    else this.#perAddress.delete(clientAddress);
    this.#onClosed?.();
  }

  async shutdown(): Promise<void> {
    this.#stopListening();
    for (const connection of [...this.#connections]) connection.drain();
    await this.#accepting;
    while (this.#connections.size > 0) await this.#oneClosed();
    this.watchdog.close();
    await this.#closeBell();
  }

  async close(): Promise<void> {
    this.#stopListening();
    for (const connection of [...this.#connections]) connection.close();
    await this.shutdown();
  }

  #stopListening(): void {
    if (this.draining) return;
    this.draining = true;
    this.#stopping.abort();
    this.#listener.close();
    this.#onClosed?.();
  }

  /** Accepts connections until the listener is closed. Whatever else goes wrong passes: the listener stays open. */
  async #accept(): Promise<void> {
    const { signal } = this.#stopping;
    let wait: number = ACCEPT_AFTER[0];
    while (!this.draining) {
      if (this.#connections.size >= this.limits.maxConnections && !this.#closeIdle()) {
        await this.#oneClosed();
        continue;
      }
      try {
        const socket = await this.#listener.accept();
        const near = await this.#near;
        if (near === undefined || !this.#makeBell(near, socket)) this.#open(socket);
        wait = ACCEPT_AFTER[0];
      } catch (error) {
        // A client may leave before its connection is accepted.
        if (this.draining || error instanceof Deno.errors.NotConnected) continue;
        getLogger("postern").error(`cannot accept a connection: ${messageOf(error)}`);
        this.#closeIdle();
        await sleep(wait, signal);
        wait = Math.min(wait * 2, ACCEPT_AFTER[1]);
      }
    }
  }

  #open(socket: Deno.Conn): void {
    if (socket.remoteAddr.transport === "tcp") (socket as Deno.TcpConn).setNoDelay(true);
    const connection = new ClientConnection(socket, this, "http");
    const { clientAddress } = connection;
    const count = (this.#perAddress.get(clientAddress) ?? 0) + 1;
    this.#perAddress.set(clientAddress, count);
    this.#connections.add(connection);
    if (count > this.limits.maxConnectionsPerAddress) connection.close();
    else connection.serve();
  }

  #connectBell({ hostname }: { hostname: string }): void {
    const { port } = this.addr as Deno.NetAddr;
    this.#near = Deno.connect({ hostname, port, signal: this.#stopping.signal }).catch(() => undefined);
  }

  /** Whether that is the other end of the bell; then it is one. */
  #makeBell(near: Deno.Conn, socket: Deno.Conn): boolean {
    if (!isOtherEnd(socket, near)) return false;
    (near as Deno.TcpConn).setNoDelay(true);
    this.#near = undefined;
    useBell(this.#bell = new SelfBell(near, socket));
    return true;
  }

  async #closeBell(): Promise<void> {
    this.#makesNoBell();
    (await this.#near)?.close();
    this.#near = undefined;
    if (this.#bell === undefined) return;
    dropBell(this.#bell);
    this.#bell.close();
    this.#bell = undefined;
  }

  /** Makes room by closing the connection that has been idle for longest; whether there was one. */
  #closeIdle(): boolean {
    let longest: ClientConnection | undefined;
    for (const connection of this.#connections) {
      if (connection.idleSince < (longest?.idleSince ?? Infinity)) longest = connection;
    }
    longest?.close();
    return longest !== undefined;
  }

  #oneClosed(): Promise<void> {
    return new Promise((resolve) => this.#onClosed = resolve);
  }
}
