/**
 * Who may use the admin listener.
 *
 * @module
 */
import { timingSafeEqual } from "node:crypto";

const LITERAL = /^(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * Whether a Host is one that nobody else can make a browser use: an address, `localhost`, or one of `names` (without
 * port). A page of `evil.example` whose name is made to lead to 127.0.0.1 (DNS rebinding) still says `evil.example`.
 */
export function isOwnHost(host: string | null, names: readonly string[]): boolean {
  if (host === null) return false;
  return LITERAL.test(host) || names.includes(host.replace(/:\d{1,5}$/, "").toLowerCase());
}

/** Whether a secret is the one expected, in a time that does not tell how much of it is right. */
export async function isSecret(given: string, expected: string): Promise<boolean> {
  const [a, b] = await Promise.all([given, expected].map(digest));
  return timingSafeEqual(a!, b!);
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
