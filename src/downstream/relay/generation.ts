/**
 * The listeners of `Deno.serve` behind a relay: one for each certificate.
 *
 * @module
 */
import type { Front, FrontHandler } from "../front.ts";
import type { KeyPair } from "../key_pair.ts";
import { ServerNames } from "../server_names.ts";
import type { ListenerOptions } from "../listener_options.ts";
import { listenServe } from "../serve_listener.ts";
import type { ClientInfo } from "../serve_request.ts";
import { LOOPBACK, type Target, type Targets } from "./relayed_connection.ts";

/** What all listeners of a relay have in common. */
export interface Behind {
  /** How it listens. */
  readonly listener: ListenerOptions;
  /** Answers their requests. */
  readonly handler: FrontHandler;
  /** Where the relay listens. */
  readonly local: Deno.Addr;
  /** The ports that they may listen on; 0 is any, as often as it takes. */
  readonly ports: Set<number>;
}

/** A listener behind a relay, for those who ask for the names of its certificate. */
class Inner implements Target {
  readonly front: Front;
  /** Where it was asked to listen. */
  readonly asked: number;
  readonly clients = new Map<number, ClientInfo>();

  /**
   * Listens at the first of the ports that are free.
   *
   * @throws as `Deno.serve`
   */
  constructor(pair: KeyPair, { handler, listener, local, ports }: Behind) {
    const clientAt = (addr: Deno.Addr) =>
      addr.transport === "tcp" && addr.hostname === LOOPBACK ? this.clients.get(addr.port) : undefined;
    const [port] = ports;
    const address = { transport: "tcp", hostname: LOOPBACK, port: this.asked = port! } as const;
    this.front = listenServe(address, handler, { ...listener, reusePort: false }, {
      pair,
      relay: { local, clientAt },
    });
    if (this.asked !== 0) ports.delete(this.asked);
  }

  get port(): number {
    return (this.front.addr as Deno.NetAddr).port;
  }
}

/** The listeners for the certificates of one time. */
export class Generation implements Targets {
  readonly #behind: Behind;
  readonly #inners: Inner[] = [];
  readonly #names: ServerNames<Inner>;
  readonly #ended: () => void;
  #connections = 0;
  #isRetired = false;

  /**
   * Listens.
   *
   * @param ended Called when it was retired and its last connection is over.
   * @throws as `Deno.serve`; then nothing is left
   */
  constructor(pairs: readonly KeyPair[], behind: Behind, ended: () => void) {
    this.#behind = behind;
    this.#ended = ended;
    try {
      for (const pair of pairs) this.#inners.push(new Inner(pair, behind));
    } catch (error) {
      this.close();
      throw error;
    }
    this.#names = new ServerNames(pairs.map(({ names }, i) => ({ names, value: this.#inners[i]! })));
  }

  /** Whether a listener failed and was opened again. */
  get failed(): boolean {
    return this.#inners.some(({ front }) => front.failed);
  }

  enter(name: string | undefined): Target {
    this.#connections++;
    return this.#names.for(name);
  }

  leave(): void {
    this.#connections--;
    this.#endIfEmpty();
  }

  /** No connection comes any more. */
  retire(): void {
    this.#isRetired = true;
    this.#endIfEmpty();
  }

  /** Resolves when all requests are answered. */
  async shutdown(): Promise<void> {
    await this.#all((front) => front.shutdown());
  }

  /** Closes all listeners. */
  async close(): Promise<void> {
    await this.#all((front) => front.close());
  }

  #endIfEmpty(): void {
    if (!this.#isRetired || this.#connections > 0) return;
    this.shutdown().then(this.#ended);
  }

  async #all(end: (front: Front) => Promise<void>): Promise<void> {
    await Promise.all(this.#inners.map(async ({ front, asked }) => {
      await end(front);
      this.#behind.ports.add(asked);
    }));
  }
}
