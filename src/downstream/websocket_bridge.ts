/**
 * A client's `WebSocket` of `Deno.serve` and an upstream's connection as one.
 *
 * The runtime hands on whole messages and keeps frames to itself: fragments are put together on their way, pings of either side
 * are answered here, and while the upstream takes nothing, what the client sends is held, up to a limit.
 *
 * @module
 */
import { messageOf, ProxyError } from "../http/errors.ts";
import type { Watchdog, Watched } from "../http/watchdog.ts";
import {
  clientFrame,
  closePayload,
  closeReason,
  Opcode,
  textOf,
  WebSocketError,
  WebSocketReader,
} from "../http/websocket_frames.ts";
import type { Tunnel } from "./front.ts";
import { ANSWER, WebSocketHeartbeat } from "./websocket_heartbeat.ts";
import { WebSocketQueue } from "./websocket_queue.ts";
import { WebSocketSender, WRITE_TIMEOUT } from "./websocket_sender.ts";

/** Limits of a bridge. */
export interface BridgeLimits {
  /** No message goes either way, in milliseconds. */
  readonly idleTimeout: number;
  /** The largest message of the upstream, and what is held for it of the client's, in bytes. */
  readonly maxMessage: number;
}

/** So many bytes may be held for the upstream in any case. */
const HELD = 1024 * 1024;
/** Who was told that it is over has so long to say so too, in milliseconds. */
const LAST_WORDS = 5_000;

const STOPPING = "the proxy is stopping";
const NOTHING = new Uint8Array(0);

/** Passes messages both ways until both sides have ended. */
export class WebSocketBridge implements Watched {
  slot = -1;
  readonly #client: WebSocket;
  readonly #upstream: Tunnel;
  readonly #limits: BridgeLimits;
  readonly #watchdog: Watchdog;
  readonly #onEnd: (bridge: WebSocketBridge) => void;
  readonly #encoder = new TextEncoder();
  readonly #stopping = new AbortController();
  /** When something has to have happened, on the watchdog's clock. */
  #idleBy = Infinity;
  /** When it ends, whoever has not said so. */
  #endBy: number;
  /** Why, when it is known by then. */
  #failure: ProxyError | null = null;
  readonly #sender: WebSocketSender;
  readonly #queue: WebSocketQueue;
  readonly #heartbeat: WebSocketHeartbeat;
  #clientClosed = false;
  #toldUpstream = false;
  #isOver = false;

  /**
   * Begins as soon as the client has its answer.
   *
   * @param onEnd Told when both sides are closed.
   */
  constructor(
    client: WebSocket,
    upstream: Tunnel,
    limits: BridgeLimits,
    watchdog: Watchdog,
    onEnd: (bridge: WebSocketBridge) => void,
  ) {
    this.#client = client;
    this.#upstream = upstream;
    this.#limits = limits;
    this.#watchdog = watchdog;
    this.#onEnd = onEnd;
    this.#sender = new WebSocketSender(client, watchdog, this.#stopping.signal);
    this.#queue = new WebSocketQueue(
      (bytes) => upstream.write(bytes),
      () => this.#taken(),
      (error) => this.#upstreamBroke(messageOf(error)),
    );
    this.#heartbeat = new WebSocketHeartbeat(
      watchdog,
      this.#queue,
      () => this.#toUpstream(Opcode.ping, NOTHING),
    );
    watchdog.add(this);
    // Until the answer has left.
    this.#endBy = watchdog.now + ANSWER;
    client.binaryType = "arraybuffer";
    client.onopen = () => this.#begin();
    client.onmessage = ({ data }) => this.#fromClient(data);
    client.onerror = (event) => {
      const why = event instanceof ErrorEvent ? event.message : "its connection broke";
      this.#clientBroke(`The client broke the WebSocket off: ${why}`);
    };
    client.onclose = ({ code, reason }) => this.#clientLeft(code, reason);
  }

  /** The client is gone before it had its answer: the runtime says nothing of it to its socket. */
  clientVanished(): void {
    this.#clientBroke("The client left before it had its answer");
  }

  /** Tells both sides that the proxy goes, and ends when they have said so too. */
  drain(): void {
    this.#closeBoth(1001, STOPPING);
  }

  tick(now: number): void {
    if (now >= this.#endBy) this.#end(this.#failure);
    else if (now >= this.#idleBy) this.#closeBoth(1001, "nothing was said for too long");
    else if (this.#heartbeat.isMissed(now)) {
      this.#closeClient(1011, "the upstream does not answer");
      this.#end(new ProxyError("upstream_timeout", `The upstream did not answer a ping within ${ANSWER} ms`));
    }
  }

  /** Ends at once. */
  stop(): void {
    this.drain();
    this.#end(new ProxyError("shutting_down", "The proxy was stopped"));
  }

  #begin(): void {
    if (this.#toldUpstream) {
      // A drain came before.
      this.#closeClient(1001, STOPPING);
    } else {
      this.#endBy = Infinity;
      this.#heartbeat.heard();
      this.#heardSomething();
    }
    this.#fromUpstream();
  }

  /** Something was said by either side. */
  #heardSomething(): void {
    this.#idleBy = this.#watchdog.now + this.#limits.idleTimeout;
  }

  /** The upstream has taken some of what is for it: who is slow gets its time. */
  #taken(): void {
    this.#heartbeat.taken();
    if (this.#toldUpstream || this.#clientClosed) this.#endBy = this.#patience;
  }

  /** Until when the upstream may take more of what is for it when it is over, or else say so too. */
  get #patience(): number {
    const { added, written } = this.#queue;
    return this.#watchdog.now + (written < added ? ANSWER : LAST_WORDS);
  }

  #fromClient(data: string | ArrayBuffer): void {
    this.#heardSomething();
    const isText = typeof data === "string";
    const payload = isText ? this.#encoder.encode(data) : new Uint8Array(data);
    this.#upstream.passed(payload.length, 0);
    this.#toUpstream(isText ? Opcode.text : Opcode.binary, payload);
  }

  #toUpstream(opcode: number, payload: Uint8Array): void {
    if (this.#isOver || this.#toldUpstream) return;
    const queue = this.#queue;
    // One message is always taken, however large.
    if (queue.held > 0 && queue.held + payload.length > Math.max(this.#limits.maxMessage, HELD)) {
      this.#closeClient(1013, "the upstream does not keep up");
      this.#end(new ProxyError("upstream_timeout", `The upstream left ${queue.held} bytes unread`));
      return;
    }
    this.#toldUpstream = opcode === Opcode.close;
    queue.add(clientFrame(opcode, payload));
  }

  async #fromUpstream(): Promise<void> {
    const { maxMessage } = this.#limits;
    const reader = new WebSocketReader(async (into) => {
      const n = await this.#upstream.readInto(into);
      this.#heartbeat.heard();
      return n;
    }, maxMessage);
    try {
      while (!this.#isOver) {
        const message = await reader.next();
        if (message === null) return this.#upstreamBroke("it closed its connection without a word");
        const { opcode, payload } = message;
        if (opcode === Opcode.ping) this.#toUpstream(Opcode.pong, payload);
        else if (opcode === Opcode.close) return this.#upstreamLeft(payload);
        else if (opcode !== Opcode.pong) await this.#toClient(opcode, payload);
      }
    } catch (error) {
      if (!(error instanceof WebSocketError)) return this.#upstreamBroke(messageOf(error));
      this.#closeClient(1011, "the upstream broke the rules");
      this.#toUpstream(Opcode.close, closePayload(error.code, error.message));
      this.#endAfterAll(new ProxyError("bad_response", `The upstream sent ${error.message}`));
    }
  }

  async #toClient(opcode: number, payload: Uint8Array): Promise<void> {
    this.#heardSomething();
    const data = opcode === Opcode.text ? textOf(payload) : payload as Uint8Array<ArrayBuffer>;
    if (this.#client.readyState !== WebSocket.OPEN) return;
    this.#upstream.passed(0, payload.length);
    if (!this.#sender.send(data, payload.length)) return;
    // Meanwhile nothing is heard of the upstream, which is not its fault.
    this.#heartbeat.pause();
    if (await this.#sender.taken(() => this.#heardSomething())) return this.#heartbeat.heard();
    this.#end(new ProxyError("client_timeout", `The client took nothing for ${WRITE_TIMEOUT} ms`));
  }

  /** The client has closed, or has answered what it was told. */
  #clientLeft(code: number, reason: string): void {
    // Also behind an error.
    if (code === 0) return this.#clientBroke("The client left without a word");
    this.#clientClosed = true;
    if (this.#isOver || this.#toldUpstream) return;
    const payload = code === 1005 ? NOTHING : closePayload(code, reason);
    this.#toUpstream(Opcode.close, payload);
    this.#endBy = this.#patience;
  }

  /** The client is gone. What it said before goes to the upstream all the same. */
  #clientBroke(why: string): void {
    if (this.#clientClosed) return;
    this.#clientClosed = true;
    this.#endAfterAll(new ProxyError("client_gone", why));
  }

  /** The upstream has closed, or has answered what it was told. */
  #upstreamLeft(payload: Uint8Array): void {
    const { code, reason } = closeReason(payload);
    this.#closeClient(code, reason);
    this.#toUpstream(Opcode.close, payload.subarray(0, 2));
    this.#endAfterAll(null);
  }

  /** Ends when the upstream has taken what is for it, or does not in time. */
  async #endAfterAll(error: ProxyError | null): Promise<void> {
    this.#failure = error;
    this.#endBy = Math.min(this.#endBy, this.#patience);
    await this.#queue.flushed();
    this.#end(error);
  }

  #upstreamBroke(why: string): void {
    if (this.#isOver) return;
    // What was agreed on by closing frames need not be said again by a connection that ends in order.
    if (this.#toldUpstream) return this.#end(null);
    this.#closeClient(1011, "the upstream is gone");
    this.#end(new ProxyError("upstream_closed", `The upstream broke the WebSocket off: ${why}`));
  }

  #closeBoth(code: number, reason: string): void {
    this.#idleBy = Infinity;
    this.#toUpstream(Opcode.close, closePayload(code, reason));
    this.#closeClient(code, reason);
    this.#endBy = Math.min(this.#endBy, this.#patience);
  }

  #closeClient(code: number, reason: string): void {
    if (this.#clientClosed) return;
    try {
      if (code === 1005) this.#client.close();
      else this.#client.close(code, reason);
    } catch {
      // The runtime does not know every code that upstreams may use.
      this.#client.close(1011, reason);
    }
  }

  #end(error: ProxyError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watchdog.delete(this);
    this.#stopping.abort();
    if (!this.#clientClosed) this.#closeClient(1011, "");
    this.#upstream.end(error);
    this.#onEnd(this);
  }
}
