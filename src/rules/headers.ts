/**
 * Changing header fields.
 *
 * @module
 */
import type { Session } from "../proxy/hooks.ts";
import type { ClientOf } from "./real_client.ts";
import type { Rule } from "./rule.ts";
import { type Template, template } from "./template.ts";

/** Changes of header fields; values are templates. What is taken out goes first, what is added comes last. */
export interface HeaderEdits {
  /** Fields that get this value, whatever they were. */
  readonly set?: Readonly<Record<string, string>> | undefined;
  /** Fields that are added to those of the same name. */
  readonly add?: Readonly<Record<string, string>> | undefined;
  /** Fields that are taken out. */
  readonly remove?: readonly string[] | undefined;
}

/** Settings of {@linkcode headers}. */
export interface HeadersOptions {
  /** What the upstream gets. */
  readonly request?: HeaderEdits | undefined;
  /** What the client gets, answers of other rules included. */
  readonly response?: HeaderEdits | undefined;
}

/**
 * Sets, adds and removes header fields.
 *
 * @param clientOf Tells the address for `{client}`; by default the connection's.
 * @throws {RangeError} as {@linkcode template}
 */
export function headers({ request, response }: HeadersOptions, clientOf?: ClientOf): Rule {
  const rule: Rule = {};
  if (request !== undefined) {
    const edit = editor(request, clientOf);
    rule.upstreamRequestFilter = (session, outgoing) => edit(session, outgoing.headers);
  }
  if (response !== undefined) {
    const edit = editor(response, clientOf);
    rule.responseFilter = (session, head) => edit(session, head.headers);
    rule.answerFilter = edit;
  }
  return rule;
}

function editor(
  { set = {}, add = {}, remove = [] }: HeaderEdits,
  clientOf?: ClientOf,
): (session: Session, fields: Headers) => void {
  const values = (fields: Readonly<Record<string, string>>) =>
    Object.entries(fields).map(([name, value]): [string, Template] => [name, template(value, { clientOf })]);
  const [setting, adding] = [values(set), values(add)];
  return (session, fields) => {
    for (const name of remove) fields.delete(name);
    for (const [name, value] of setting) fields.set(name, value(session));
    for (const [name, value] of adding) fields.append(name, value(session));
  };
}
