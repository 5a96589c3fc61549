/**
 * What happens to the backends of a group, for whoever wants to know.
 *
 * @module
 */
import { getLogger } from "@std/log";
import { messageOf } from "../http/errors.ts";
import type { Backend } from "./backend.ts";

/**
 * What happened: active checks changed their mind (`up`, `down`), passive ones did (`ejected`, `readmitted`), a circuit
 * breaker did (`opened`, `closed`), an operator did (`drained`, `enabled`), or the group changed (`added`, `removed`).
 */
export type BackendEventType =
  | "up"
  | "down"
  | "ejected"
  | "readmitted"
  | "opened"
  | "closed"
  | "drained"
  | "enabled"
  | "added"
  | "removed";

/** Something that happened to a backend. */
export interface BackendEvent {
  /** What happened. */
  readonly type: BackendEventType;
  /** To whom, as it is after the change. */
  readonly backend: Backend;
  /** Why, in words for people; may be empty. */
  readonly cause: string;
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** How long the state before had lasted, in milliseconds; undefined when there was none, as at a first check. */
  readonly lasted?: number;
}

/** Is told of events. It should be quick: whoever reports the event waits for it. */
export type BackendListener = (event: BackendEvent) => unknown;

/** The listeners of a group. */
export class GroupEvents {
  readonly #listeners = new Set<BackendListener>();

  /** Tells the listener of every event from now on, until the function that it gives back is called. */
  listen(listener: BackendListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells all listeners. One that throws, or whose promise rejects, is logged; the others are told all the same. */
  tell(type: BackendEventType, backend: Backend, cause = "", lasted?: number): void {
    if (this.#listeners.size === 0) return;
    const event = { type, backend, cause, at: Date.now(), ...(lasted === undefined ? {} : { lasted }) };
    for (const listener of [...this.#listeners]) {
      try {
        const result = listener(event);
        if (result instanceof Promise) result.catch((error) => complain(event, error));
      } catch (error) {
        complain(event, error);
      }
    }
  }
}

function complain({ type, backend }: BackendEvent, error: unknown): void {
  getLogger("postern").error(
    `a listener failed at upstream ${backend.label} being ${type}: ${messageOf(error)}`,
  );
}
