/**
 * Who a request comes from, behind proxies whose word is taken.
 *
 * @module
 */
import ipaddr from "ipaddr.js";
import { trustCheck } from "../downstream/forwarded.ts";
import type { Session } from "../proxy/hooks.ts";

/** Tells the address of a request's client. */
export type ClientOf = (session: Session) => string;

/** The address that the connection comes from. */
export function directClient({ clientAddress }: Session): string {
  return clientAddress;
}

/**
 * The address that the last trusted proxy in front names in `X-Forwarded-For`: the list is read from its end, up to the
 * first address that is not a trusted proxy's own, so that what a client claims is never reached. Without such a proxy it
 * is the address that the connection comes from.
 *
 * @param trustedProxies Addresses and CIDR ranges, as in `ProxyOptions`.
 * @throws {RangeError} as {@linkcode trustCheck}
 */
export function realClient(trustedProxies: readonly string[]): ClientOf {
  if (trustedProxies.length === 0) return directClient;
  const isTrusted = trustCheck(trustedProxies);
  return ({ clientAddress, request }) => {
    let client = clientAddress;
    if (!isTrusted(client)) return client;
    const named = (request.headers.get("x-forwarded-for") ?? "").split(",");
    for (let i = named.length - 1; i >= 0 && isTrusted(client); i--) {
      const address = withoutPort(named[i]!.trim());
      // Nobody vouches for what is behind something that is no address.
      if (!ipaddr.isValid(address)) break;
      client = address;
    }
    return client;
  };
}

/** Some proxies name the port too. */
function withoutPort(text: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d+$/, "$1");
}
