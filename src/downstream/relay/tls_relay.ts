/**
 * The front on `Deno.serve` behind a relay, for several certificates, and such as change.
 *
 * `Deno.serve` has one certificate for life, and closing its listener loses the connections that it has not accepted. So
 * the address is listened on by a plain `Deno.listen`, and every connection is passed on, byte by byte, to a
 * `Deno.serve` of its own for each certificate, on this machine alone: by the name that its client asks for.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../../http/errors.ts";
import { sleep } from "../../http/sleep.ts";
import { Watchdog } from "../../http/watchdog.ts";
import type { Address } from "../../upstream/address.ts";
import type { Front, FrontHandler } from "../front.ts";
import { readPair } from "../key_pair.ts";
import { listenOn } from "../listen_on.ts";
import type { ListenerOptions, ListenerTls } from "../listener_options.ts";
import { type Behind, Generation } from "./generation.ts";
import { type Relay, RelayedConnection } from "./relayed_connection.ts";

/** How long to wait after a connection could not be accepted, in milliseconds; doubles up to the second value. */
const ACCEPT_AFTER = [5, 1_000] as const;
/** How many connections make room at a time: one that goes on takes three descriptors, and one to an upstream. */
const AT_ONCE = 16;

/** The relay, and what is behind it. */
export class TlsRelay implements Front, Relay {
  readonly watchdog = new Watchdog();
  readonly #pairs: readonly ListenerTls[];
  readonly #behind: Behind;
  readonly #listener: Deno.Listener;
  readonly #connections = new Set<RelayedConnection>();
  /** The present one, and those before it that still have connections. */
  readonly #generations = new Set<Generation>();
  readonly #stopping = new AbortController();
  readonly #accepting: Promise<void>;
  readonly #empty = Promise.withResolvers<void>();
  #present: Generation;

  /**
   * Listens.
   *
   * @param ports Of this machine, where `Deno.serve` may listen; 0 is any that is free.
   * @throws as `serve`
   */
  constructor(
    address: Address,
    handler: FrontHandler,
    pairs: readonly ListenerTls[],
    ports: readonly number[],
    listener: ListenerOptions,
  ) {
    this.#pairs = pairs;
    this.#listener = listenOn(address, listener.reusePort);
    this.#behind = { handler, listener, local: this.#listener.addr, ports: new Set(ports) };
    try {
      this.#present = this.#generation();
    } catch (error) {
      this.#listener.close();
      throw error;
    }
    this.#accepting = this.#accept();
  }

  get addr(): Deno.Addr {
    return this.#listener.addr;
  }

  get failed(): boolean {
    return [...this.#generations].some((generation) => generation.failed);
  }

  get present(): Generation {
    return this.#present;
  }

  renewTls(): void {
    const old = this.#present;
    this.#present = this.#generation();
    old.retire();
  }

  closed(connection: RelayedConnection): void {
    this.#connections.delete(connection);
    this.#endIfEmpty();
  }

  makeRoom(): void {
    let left = AT_ONCE;
    for (const connection of this.#connections) {
      if (!connection.isNew) continue;
      connection.close();
      if (--left === 0) return;
    }
  }

  async shutdown(): Promise<void> {
    this.#stopListening();
    for (const connection of [...this.#connections]) if (connection.isNew) connection.close();
    await Promise.all([...this.#generations].map((generation) => generation.shutdown()));
    await Promise.all([this.#accepting, this.#empty.promise]);
    this.watchdog.close();
  }

  async close(): Promise<void> {
    this.#stopListening();
    for (const connection of [...this.#connections]) connection.close();
    await Promise.all([...this.#generations].map((generation) => generation.close()));
    await this.shutdown();
  }

  #generation(): Generation {
    const pairs = this.#pairs.map(readPair);
    const { ports } = this.#behind;
    if (ports.size < pairs.length && !ports.has(0)) {
      // The next time, they are gone.
      for (const generation of this.#generations) if (generation !== this.#present) generation.shutdown();
      throw new Error(
        `of "relayPorts" ${ports.size} are free, ${pairs.length} are needed: connections with an earlier certificate ` +
          "still go on; they are told to end",
      );
    }
    const generation = new Generation(pairs, this.#behind, () => this.#generations.delete(generation));
    this.#generations.add(generation);
    return generation;
  }

  #stopListening(): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#listener.close();
    this.#endIfEmpty();
  }

  #endIfEmpty(): void {
    if (this.#stopping.signal.aborted && this.#connections.size === 0) this.#empty.resolve();
  }

  /** Accepts connections until the listener is closed. Whatever else goes wrong passes. */
  async #accept(): Promise<void> {
    const { signal } = this.#stopping;
    let wait: number = ACCEPT_AFTER[0];
    while (!signal.aborted) {
      try {
        const socket = await this.#listener.accept();
        wait = ACCEPT_AFTER[0];
        if (signal.aborted) return socket.close();
        const connection = new RelayedConnection(socket, this);
        this.#connections.add(connection);
        connection.pass();
      } catch (error) {
        // A client may leave before its connection is accepted.
        if (signal.aborted || error instanceof Deno.errors.NotConnected) continue;
        if (wait === ACCEPT_AFTER[0]) {
          getLogger("postern").error(`cannot accept a connection: ${messageOf(error)}`);
        }
        this.makeRoom();
        await sleep(wait, signal);
        wait = Math.min(wait * 2, ACCEPT_AFTER[1]);
      }
    }
  }
}
