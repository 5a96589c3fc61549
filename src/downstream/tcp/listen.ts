/**
 * The front on `Deno.listen`: Postern's own server of HTTP/1.1 and HTTP/2.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { plainAddress } from "../../http/endpoint.ts";
import { messageOf } from "../../http/errors.ts";
import { sleep } from "../../http/sleep.ts";
import { TICK, Watchdog } from "../../http/watchdog.ts";
import type { Address } from "../../upstream/address.ts";
import { type TrustCheck, trustCheck } from "../forwarded.ts";
import type { Front, FrontHandler } from "../front.ts";
import { listenOn } from "../listen_on.ts";
import { type ListenerOptions, type ListenerTls, tlsPairs } from "../listener_options.ts";
import { Certificates } from "./certificates.ts";
import { ClientConnection } from "./client_connection.ts";
import { limitsOf, type TcpLimits } from "./limits.ts";
import { SelfBell } from "./self_bell.ts";
import type { Counted, Server } from "./server.ts";

/** How long to wait after a connection could not be accepted, in milliseconds; doubles up to the second value. */
const ACCEPT_AFTER = [5, 1_000] as const;
/** That connections cannot be accepted is said so often at most, in milliseconds. */
const SAY_AFTER = 10_000;

/**
 * Listens and answers.
 *
 * @throws when the address cannot be listened on, as `Deno.listen`, or a certificate cannot be used
 */
export function listenTcp(address: Address, handler: FrontHandler, options: ListenerOptions): Front {
  return new TcpFront(address, handler, options);
}

/** How many connections are picked at a time for closing. */
const AT_ONCE = 64;

/** So long, in milliseconds, a connection may wait whoever else comes: in a flood, a good client gets to say something. */
const AT_LEAST = 250;

/** Out of descriptors, so many connections make room at a time: those to upstreams need some as well. */
const OUT_OF_DESCRIPTORS = 4;

class TcpFront implements Front, Server {
  readonly handler: FrontHandler;
  limits: TcpLimits;
  readonly watchdog = new Watchdog();
  readonly scheme: string;
  speaksForClients: TrustCheck;
  readonly speaksHttp2: boolean;
  readonly failed = false;
  draining = false;
  #isClosed = false;
  certificates: Certificates | undefined;
  readonly #address: Address;
  #tls: readonly ListenerTls[];
  readonly #connections = new Set<ClientConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #stopping = new AbortController();
  readonly #bell: SelfBell | undefined;
  readonly #listener: Deno.Listener;
  readonly #accepting: Promise<void>;
  #waiting: (() => void)[] = [];
  /** Connections that had waited for longest when that was looked at, the longest last. */
  #oldest: ClientConnection[] = [];
  /** When the last of them had begun to wait. */
  #oldestUntil = 0;
  #silentUntil = 0;

  constructor(address: Address, handler: FrontHandler, options: ListenerOptions) {
    this.handler = handler;
    this.limits = limitsOf(options);
    this.scheme = options.tls === undefined ? "http" : "https";
    this.speaksForClients = trustCheck(options.proxyProtocol ?? []);
    this.speaksHttp2 = options.http2 ?? true;
    this.#address = address;
    this.#tls = tlsPairs(options);
    this.renewTls();
    this.#listener = listenOn(address, options.reusePort);
    const { addr } = this.#listener;
    this.#bell = addr.transport === "tcp" ? new SelfBell(addr) : undefined;
    this.#accepting = this.#accept();
  }

  get addr(): Deno.Addr {
    return this.#listener.addr;
  }

  renewTls(): void {
    if (this.#tls.length === 0) return;
    this.certificates = new Certificates(this.#tls, this.speaksHttp2 ? ["h2", "http/1.1"] : ["http/1.1"]);
  }

  configure(options: ListenerOptions): void {
    const before = this.#tls;
    this.#tls = tlsPairs(options);
    try {
      this.renewTls();
    } catch (error) {
      this.#tls = before;
      throw error;
    }
    this.limits = limitsOf(options);
    this.speaksForClients = trustCheck(options.proxyProtocol ?? []);
  }

  admit(connection: Counted): boolean {
    const { clientAddress } = connection;
    // Nobody knows who is behind a Unix socket: they are not one client.
    if (this.#address.transport === "unix") return true;
    connection.isCounted = true;
    const count = (this.#perAddress.get(clientAddress) ?? 0) + 1;
    this.#perAddress.set(clientAddress, count);
    return count <= this.limits.maxConnectionsPerAddress;
  }

  closed(connection: Counted): void {
    this.#connections.delete(connection as ClientConnection);
    if (connection.isCounted) {
      const { clientAddress } = connection;
      const left = this.#perAddress.get(clientAddress)! - 1;
      if (left > 0) this.#perAddress.set(clientAddress, left);
      else this.#perAddress.delete(clientAddress);
    }
    this.#tell();
  }

  idle(): void {
    this.#tell();
  }

  async shutdown(): Promise<void> {
    this.#stopListening();
    for (const connection of [...this.#connections]) connection.drain();
    await this.#accepting;
    while (this.#connections.size > 0) await this.#change();
    this.watchdog.close();
    await this.#bell?.close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    for (const connection of [...this.#connections]) connection.close();
    await this.shutdown();
  }

  #stopListening(): void {
    if (this.draining) return;
    this.draining = true;
    this.#stopping.abort();
    this.#listener.close();
    this.#tell();
  }

  /** Accepts connections until the listener is closed. Whatever else goes wrong passes: the listener stays open. */
  async #accept(): Promise<void> {
    const { signal } = this.#stopping;
    let wait: number = ACCEPT_AFTER[0];
    while (!this.draining) {
      try {
        const socket = await this.#listener.accept();
        wait = ACCEPT_AFTER[0];
        if (this.#bell?.mayBe(socket)) {
          this.#openUnlessBell(socket, this.#bell);
          continue;
        }
        if (!this.#isOverOwnShare(socket)) {
          while (this.#isFull() && !this.#makeRoom()) {
            await (this.#oldest.length > 0 ? sleep(TICK, signal) : this.#change());
          }
        }
        this.#open(socket);
      } catch (error) {
        // A client may leave before its connection is accepted.
        if (this.draining || error instanceof Deno.errors.NotConnected) continue;
        this.#say(`cannot accept a connection: ${messageOf(error)}`);
        for (let i = 0; i < OUT_OF_DESCRIPTORS && this.#makeRoom(); i++);
        await sleep(wait, signal);
        wait = Math.min(wait * 2, ACCEPT_AFTER[1]);
      }
    }
  }

  /** Not in the loop: what is waited for may be behind others that are to be accepted. */
  async #openUnlessBell(socket: Deno.Conn, bell: SelfBell): Promise<void> {
    if (!await bell.claims(socket)) this.#open(socket);
  }

  #open(socket: Deno.Conn): void {
    // Who was accepted before the listener stopped is answered.
    if (this.#isClosed || this.#isOverOwnShare(socket)) return socket.close();
    const connection = new ClientConnection(socket, this);
    this.#connections.add(connection);
    connection.serve();
  }

  /** Whether its address has all connections that it may have: no room is made for more. */
  #isOverOwnShare({ remoteAddr }: Deno.Conn): boolean {
    const { maxConnectionsPerAddress } = this.limits;
    if (maxConnectionsPerAddress === Infinity || remoteAddr.transport !== "tcp") return false;
    const address = plainAddress(remoteAddr.hostname);
    return !this.speaksForClients(address) &&
      (this.#perAddress.get(address) ?? 0) >= maxConnectionsPerAddress;
  }

  #isFull(): boolean {
    return this.#connections.size >= this.limits.maxConnections && !this.draining;
  }

  #say(what: string): void {
    const now = performance.now();
    if (now < this.#silentUntil) return;
    this.#silentUntil = now + SAY_AFTER;
    getLogger("postern").error(what);
  }

  /**
   * Makes room by closing the connection that has been idle, or in the same head, for longest; whether there was one.
   * Half heads are no better than idle connections: else as many as there may be, sent anew again and again, would keep
   * all others out. Who has only just come stays, in `#oldest`, where it is looked at again.
   */
  #makeRoom(): boolean {
    for (;;) {
      const next = this.#oldest.pop() ?? this.#lookForWaiting();
      if (next === undefined) return false;
      // It may have had a request since.
      if (next.waitingSince > this.#oldestUntil) continue;
      if (next.waitingSince + AT_LEAST > this.watchdog.now) {
        this.#oldest.push(next);
        return false;
      }
      next.close();
      return true;
    }
  }

  /** In a flood, not every new connection is worth looking at all others. */
  #lookForWaiting(): ClientConnection | undefined {
    const waiting = [...this.#connections].filter(({ waitingSince }) => waitingSince !== Infinity);
    // Their clock is coarse: of those who began in the same tick, whoever came first is the oldest.
    this.#oldest = waiting.sort((a, b) => a.waitingSince - b.waitingSince).slice(0, AT_ONCE).reverse();
    this.#oldestUntil = this.#oldest[0]?.waitingSince ?? 0;
    return this.#oldest.pop();
  }

  /** Resolves when a connection has been closed or waits for a request, or the listener stops. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #tell(): void {
    if (this.#waiting.length === 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
