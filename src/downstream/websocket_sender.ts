/**
 * Messages to a client that takes them when it likes.
 *
 * @module
 */
import { sleep } from "../http/sleep.ts";
import type { Watchdog } from "../http/watchdog.ts";

/** While the client has not taken so many bytes, no more are sent. */
const HELD = 1024 * 1024;
/** So many messages are not sent ahead of it: the runtime does not count what they take beside their content. */
const MESSAGES = 4096;
/** When all of them are empty, nothing tells whether they were taken, and this has to be enough, in milliseconds. */
const PAUSE = 1_000;
/** How often it is looked whether they were, in milliseconds: the runtime does not tell. */
const LOOK_AFTER = [1, 50] as const;

/** How long a client may take nothing, in milliseconds; as `writeTimeout` of the front `tcp`. */
export const WRITE_TIMEOUT = 300_000;

/** Sends messages, and tells when there are enough of them on their way. */
export class WebSocketSender {
  readonly #client: WebSocket;
  readonly #watchdog: Watchdog;
  readonly #signal: AbortSignal;
  /** Messages since the client was seen to have taken all. */
  #sent = 0;

  /** `signal` ends all waiting. */
  constructor(client: WebSocket, watchdog: Watchdog, signal: AbortSignal) {
    this.#client = client;
    this.#watchdog = watchdog;
    this.#signal = signal;
  }

  /** Sends a message of so many bytes; whether the client has to take some before the next one. */
  send(data: string | Uint8Array<ArrayBuffer>, length: number): boolean {
    this.#client.send(data);
    const held = this.#client.bufferedAmount;
    // With content of this one alone, all before it is taken.
    if (length > 0 && held === length) this.#sent = 0;
    return ++this.#sent > MESSAGES || held > HELD;
  }

  /**
   * Resolves when the client has taken enough; false when it took nothing for {@linkcode WRITE_TIMEOUT}.
   *
   * @param onTaken Told whenever it has taken some.
   */
  async taken(onTaken: () => void): Promise<boolean> {
    // All of many messages, as it is not known how many of them are there.
    const enough = this.#sent > MESSAGES ? 0 : HELD;
    if (this.#client.bufferedAmount === 0) await sleep(PAUSE, this.#signal);
    let wait: number = LOOK_AFTER[0];
    let least = Infinity;
    let takenAt = this.#watchdog.now;
    for (let held; (held = this.#client.bufferedAmount) > enough && !this.#signal.aborted;) {
      const { now } = this.#watchdog;
      if (held < least) {
        least = held;
        takenAt = now;
        onTaken();
      } else if (now - takenAt > WRITE_TIMEOUT) return false;
      await sleep(wait, this.#signal);
      wait = Math.min(wait * 2, LOOK_AFTER[1]);
    }
    this.#sent = 0;
    return true;
  }
}
