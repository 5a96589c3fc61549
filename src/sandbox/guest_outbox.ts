/**
 * What a worker says to the proxy.
 *
 * @module
 */
import { messageOf } from "../http/errors.ts";
import { type Notice, OUTCOME, type Reply } from "./protocol.ts";

/** Log texts and messages are cut to this many characters. */
const MAX_TEXT = 2_000;
/** Beyond so many messages in one turn, what is not a reply is dropped. */
const MAX_MESSAGES = 2_000;

/** Sends a message and gives buffers away. */
export type Send = (message: unknown, transfer?: Transferable[]) => void;

// The module that comes later could put its own in their place.
const atEndOfTurn = queueMicrotask;

/** Gathers what is said in one turn, to cross in one message. */
export class Outbox {
  readonly #send: Send;
  #messages: (Reply | Notice)[] = [];
  #transfers: ArrayBuffer[] = [];
  #flushing = false;

  /** An empty one. */
  constructor(send: Send) {
    this.#send = send;
  }

  /** Says something at the end of the turn, giving a buffer away with it. */
  say(message: Reply | Notice, transfer?: ArrayBuffer): void {
    if (this.#messages.length >= MAX_MESSAGES && message[0] === 0) return;
    this.#messages.push(message);
    if (transfer !== undefined) this.#transfers.push(transfer);
    if (this.#flushing) return;
    this.#flushing = true;
    atEndOfTurn(() => this.flush());
  }

  /** Says at once what was to be said at the end of the turn. */
  flush(): void {
    this.#flushing = false;
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    const transfers = this.#transfers;
    this.#messages = [];
    this.#transfers = [];
    try {
      if (transfers.length > 0) this.#send(messages, transfers);
      else this.#send(messages);
    } catch {
      for (const message of messages) this.#sendAlone(message);
    }
  }

  /** What cannot be cloned fails its own call, and no other of the same turn. */
  #sendAlone(message: Reply | Notice): void {
    try {
      this.#send([message]);
    } catch (error) {
      this.#send([[message[0], OUTCOME.failed, `its result cannot be sent: ${textOf(error)}`]]);
    }
  }
}

/** The text of whatever was thrown, which may be an object made to have none. */
export function textOf(error: unknown): string {
  try {
    return cut(messageOf(error));
  } catch {
    return "an error that cannot be shown";
  }
}

/** A text that is not too long to cross. */
export function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
}
