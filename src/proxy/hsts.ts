/**
 * Telling browsers that a site is to be reached by TLS alone, RFC 6797.
 *
 * @module
 */
import type { FrontHandler } from "../downstream/front.ts";
import type { Hsts } from "../downstream/listener_options.ts";

const NAME = "strict-transport-security";

/** A handler that adds the field to every answer without one: a browser heeds the first, and the upstream's is its own. */
export function withHsts(
  handler: FrontHandler,
  { maxAge, includeSubDomains = false, preload = false }: Hsts,
): FrontHandler {
  const value = `max-age=${maxAge}${includeSubDomains ? "; includeSubDomains" : ""}${
    preload ? "; preload" : ""
  }`;
  return async (request) => {
    const answer = await handler(request);
    if (!answer.headers.has(NAME)) answer.headers.lines.push(NAME, value);
    return answer;
  };
}
