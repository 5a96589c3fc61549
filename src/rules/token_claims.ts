/**
 * What the verified token of a request says, for the rules behind the one that verified it.
 *
 * @module
 */
import type { Session } from "../proxy/hooks.ts";

/** The claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

const claims = new WeakMap<Session, Claims>();

/** Keeps the claims of a request's token, once that is verified. */
export function setClaims(session: Session, verified: Claims): void {
  claims.set(session, verified);
}

/** The claims of a request's verified token; undefined without one. */
export function claimsOf(session: Session): Claims | undefined {
  return claims.get(session);
}
