/**
 * Letting requests through by the address of their client.
 *
 * @module
 */
import { trustCheck } from "../downstream/forwarded.ts";
import { type ClientOf, directClient } from "./real_client.ts";
import { refusal } from "./refusal.ts";
import type { Rule } from "./rule.ts";

/** Settings of {@linkcode access}: addresses and CIDR ranges. */
export interface AccessOptions {
  /** Clients that may ask; an empty list is nobody. @default everybody */
  readonly allow?: readonly string[] | undefined;
  /** Clients that may not, even if they are allowed. @default {[]} */
  readonly deny?: readonly string[] | undefined;
}

/**
 * Answers 403 to clients that are denied or not allowed. A client without address, as on a Unix socket, is in no range.
 *
 * @param clientOf Tells the address of the client; by default the connection's.
 * @throws {RangeError} that names the entry that is neither an address nor a range
 */
export function access({ allow, deny = [] }: AccessOptions, clientOf: ClientOf = directClient): Rule {
  const isAllowed = allow === undefined ? () => true : trustCheck(allow, "allow");
  const isDenied = trustCheck(deny, "deny");
  return {
    requestFilter(session) {
      const client = clientOf(session);
      if (isDenied(client) || !isAllowed(client)) return refusal(session, 403);
    },
  };
}
