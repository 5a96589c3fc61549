/**
 * What requests that belong together have in common: keys for policies that hash.
 *
 * @module
 */
import { getCookies } from "@std/http";

/** What a key is made from; a `Session` has it all. */
export interface KeySource {
  /** The address of the client, without port. */
  readonly clientAddress: string;
  /** What the client asked for. */
  readonly request: { readonly target: string; readonly headers: Headers };
}

/**
 * Makes the key of a request. Requests without one (undefined) are spread by chance. Any function of the session will
 * do; some common ones are here.
 *
 * @example
 * ```ts
 * import type { HashKey } from "./keys.ts";
 * const tenant: HashKey = ({ request }) => request.target.split("/")[1];
 * ```
 */
export type HashKey<S extends KeySource = KeySource> = (session: S) => string | undefined;

/** The client's address, as with nginx's `hash $remote_addr consistent`; not cut to a network as `ip_hash` does. */
export function clientAddress(session: KeySource): string {
  return session.clientAddress;
}

/** The path, without the query: the same resource from the same cache. */
export function path({ request: { target } }: KeySource): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

/** The value of a request header; none when it is missing or empty. */
export function header(name: string): HashKey {
  return ({ request }) => request.headers.get(name) || undefined;
}

/** The value of a cookie; none when it is missing or empty. */
export function cookie(name: string): HashKey {
  return ({ request }) => getCookies(request.headers)[name] || undefined;
}
