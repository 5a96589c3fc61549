/**
 * Whether an upstream of a WebSocket is still there: one that vanished without a word says nothing, but neither does a silent one.
 *
 * @module
 */
import type { Watchdog } from "../http/watchdog.ts";
import type { WebSocketQueue } from "./websocket_queue.ts";

/** An upstream that has said nothing for so long is asked whether it is still there, in milliseconds. */
const PING_AFTER = 30_000;
/** Who does not answer within this time is gone, in milliseconds. */
export const ANSWER = 30_000;

/** Asks, and waits for any answer. */
export class WebSocketHeartbeat {
  readonly #watchdog: Watchdog;
  readonly #queue: WebSocketQueue;
  readonly #ask: () => void;
  /** When the upstream is asked, or is gone if it has been, on the watchdog's clock. */
  #by = Infinity;
  #isAsked = false;
  /** Which frame of the queue is a ping that has not left; 0 if none. */
  #ping = 0;

  /** `ask` puts a ping in the queue. */
  constructor(watchdog: Watchdog, queue: WebSocketQueue, ask: () => void) {
    this.#watchdog = watchdog;
    this.#queue = queue;
    this.#ask = ask;
  }

  /** The upstream has said something, or may again. */
  heard(): void {
    this.#isAsked = false;
    this.#ping = 0;
    this.#by = this.#watchdog.now + PING_AFTER;
  }

  /** Nothing is listened to until {@linkcode WebSocketHeartbeat.heard}. */
  pause(): void {
    this.#by = Infinity;
  }

  /** The upstream has taken some of the queue: the time for its answer begins when it has the ping. */
  taken(): void {
    if (this.#ping === 0) return;
    this.#by = this.#watchdog.now + ANSWER;
    if (this.#queue.written >= this.#ping) this.#ping = 0;
  }

  /** Asks when it is time to; whether it was asked and has not answered in time. */
  isMissed(now: number): boolean {
    if (now < this.#by) return false;
    if (this.#isAsked) return true;
    this.#isAsked = true;
    this.#by = now + ANSWER;
    this.#ping = this.#queue.added + 1;
    this.#ask();
    return false;
  }
}
