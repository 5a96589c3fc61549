/**
 * Fields that belong to one connection and are never passed on, RFC 9110 section 7.6.1.
 *
 * @module
 */
import { type HeaderList, isName } from "./headers.ts";

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);
const LENGTHS: boolean[] = Array.from(
  { length: 20 },
  (_, n) => [...HOP_BY_HOP].some((name) => name.length === n),
);

/** Whether a field of that name, in any spelling, is bound to its connection. */
export function isHopByHop(name: string): boolean {
  return LENGTHS[name.length] === true && HOP_BY_HOP.has(name.toLowerCase());
}

/** The tokens of a comma-separated list, in lower case. */
export function tokens(value: string): string[] {
  return value.toLowerCase().split(",").map((token) => token.trim()).filter((token) => token !== "");
}

/** Removes the fields that a `Connection` value names; not Host, which is no field of the connection, whoever says so. */
export function removeNamed(headers: HeaderList, connection: string): void {
  if (connection === "keep-alive" || connection === "close") return;
  // One pass, as a client can list thousands.
  const named = new Set(tokens(connection));
  named.delete("host");
  headers.removeIf((name) => named.has(name.toLowerCase()));
}

/** Whether `Connection` holds the token. */
export function hasToken(connection: string, token: string): boolean {
  return isName(connection, token) || (connection.includes(",") && tokens(connection).includes(token));
}

/** What an `Upgrade` holds that may be switched to: not to HTTP in another form, nor to TLS, which would carry requests past the hooks. */
export function switchable(upgrade: string): string | null {
  const allowed = upgrade.split(",").map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "" && !/^(?:h2c?$|http\/|tls\/)/i.test(protocol));
  return allowed.length > 0 ? allowed.join(", ") : null;
}
