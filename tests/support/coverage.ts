/**
 * Tables that say, for what other proxies' test-suites guard, which test guards it here, or why none can.
 *
 * @module
 */

/** Tests in one file. */
export interface Guard {
  /** Relative to `tests/`. */
  readonly file: string;
  /** A title as it stands in the source, `${...}` and all. */
  readonly title: string;
  /** Cases by which a title in a loop guards it: texts in quotes somewhere in the file. */
  readonly cases: readonly string[];
}

/** Rows by what they ask for: guards, and reasons (texts) for what of the row has none. */
export type Table = Record<string, readonly (Guard | string)[]>;

/** Names a test. */
export function by(file: string, title: string, ...cases: string[]): Guard {
  return { file, title, cases };
}

/** Reasons that several rows share. */
export const NO = {
  bind: "Deno.connect takes no local address",
  clientCertificates: "Deno.startTls takes no client certificate",
  psk: "rustls, as Deno brings it, has no pre-shared keys",
  alternativeNames: "serverName is the one name that counts",
  upgrade:
    "Deno.serve has no raw upgrade: there, a wish for any but a WebSocket is taken out, a 101 is a 502",
  rewriting: "nothing of a response is rewritten but by a module's own responseFilter",
} as const;
