/**
 * The WebSockets of a listener on `Deno.serve`.
 *
 * @module
 */
import { ProxyError } from "../http/errors.ts";
import { Watchdog } from "../http/watchdog.ts";
import { acceptWebSocket } from "./accept_websocket.ts";
import type { FrontResponse, Tunnel } from "./front.ts";
import type { ListenerOptions } from "./listener_options.ts";
import { type BridgeLimits, WebSocketBridge } from "./websocket_bridge.ts";

/** Those that are open. */
export class WebSockets {
  /** Whether a client left while it was being accepted: the runtime keeps its descriptor, and waits for it for ever. */
  hasLost = false;
  /** Resolves when one does. */
  readonly lost: Promise<void>;
  readonly #lose: () => void;
  readonly #limits: BridgeLimits;
  readonly #watchdog = new Watchdog();
  readonly #open = new Set<WebSocketBridge>();
  #onEmpty = () => {};
  #isDraining = false;

  /** With the limits of the listener. */
  constructor({ tunnelTimeout = 3_600_000, maxMessage = 16 * 1024 * 1024 }: ListenerOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.lost = promise;
    this.#lose = resolve;
    this.#limits = { idleTimeout: tunnelTimeout || Infinity, maxMessage };
  }

  /** Joins a client and the upstream that has accepted its WebSocket; the answer for the client. */
  accept(request: Request, answer: FrontResponse, tunnel: Tunnel): Response {
    const { signal } = request;
    // The runtime would keep the descriptor of a client that is gone already, to its own end.
    if (signal.aborted) {
      tunnel.end(new ProxyError("client_gone", "The client left before it had its answer"));
      return new Response(null, { status: 500 });
    }
    const { socket, response } = acceptWebSocket(request, answer);
    const bridge = new WebSocketBridge(socket, tunnel, this.#limits, this.#watchdog, (ended) => {
      this.#open.delete(ended);
      if (this.#open.size === 0) this.#onEmpty();
    });
    this.#open.add(bridge);
    signal.addEventListener("abort", () => {
      this.hasLost = true;
      this.#lose();
      bridge.clientVanished();
    }, { once: true });
    if (this.#isDraining) bridge.drain();
    return response;
  }

  /** Closes them with 1001; resolves when they have ended. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const empty = new Promise<void>((resolve) => this.#onEmpty = resolve);
    for (const bridge of [...this.#open]) bridge.drain();
    if (this.#open.size > 0) await empty;
    this.#watchdog.close();
  }

  /** Ends them at once. */
  close(): void {
    this.#isDraining = true;
    this.#watchdog.stopAll();
    this.#watchdog.close();
  }
}
