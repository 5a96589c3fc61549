/**
 * Targets in absolute form, RFC 9112 section 3.2.2.
 *
 * @module
 */
import { isSameHost } from "./host.ts";
import { refused } from "./refused.ts";
import { normalTarget } from "./target.ts";

/**
 * The normal form of an absolute target's path and query, or `*` for OPTIONS without a path.
 *
 * @throws {ProxyError} `bad_request` when it is no URL of that scheme, or names another host than Host does: RFC 9112
 * lets it override Host, which would be two requests to two readers
 */
export function absoluteTarget(url: string, scheme: string, host: string, method: string): string {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/s.exec(url);
  if (match === null) throw refused(`target is ${JSON.stringify(url)}`);
  const [, itsScheme, authority, rest] = match as unknown as [string, string, string, string];
  if (itsScheme.toLowerCase() !== scheme) throw refused(`target has the scheme ${JSON.stringify(itsScheme)}`);
  if (!isSameHost(authority, host, scheme)) {
    throw refused(`target is for ${JSON.stringify(authority)}, but Host is ${JSON.stringify(host)}`);
  }
  // RFC 9112 section 3.2.4.
  if (rest === "" && method === "OPTIONS") return "*";
  return normalTarget(rest.startsWith("/") ? rest : `/${rest}`);
}
