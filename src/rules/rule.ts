/**
 * What a route can apply without code.
 *
 * @module
 */
import type { ProxyModule, Session } from "../proxy/hooks.ts";

/** Hooks that come from the configuration rather than from a module. */
// deno-lint-ignore no-explicit-any
export interface Rule<Context = any> extends ProxyModule<Context> {
  /**
   * May change the fields of an answer that a part further on in the list made by itself, such as a 401, which response
   * filters do not see.
   */
  answerFilter?(session: Session, headers: Headers, context: Context): void;
}
