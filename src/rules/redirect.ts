/**
 * Sending clients elsewhere.
 *
 * @module
 */
import { isHost } from "../downstream/host.ts";
import { ProxyError } from "../http/errors.ts";
import { refusal } from "./refusal.ts";
import type { Rule } from "./rule.ts";
import { template } from "./template.ts";

/** Settings of {@linkcode redirect}. */
export interface RedirectOptions {
  /** Where to: a URL or a path, a template of {@linkcode REDIRECT_VARIABLES}. */
  readonly to: string;
  /** 301, 302, 303, 307 or 308. @default {308} */
  readonly status?: number | undefined;
}

/** What the place may hold: nothing that a client can fill with another place. */
export const REDIRECT_VARIABLES: readonly string[] = ["{host}", "{path}", "{query}", "{scheme}"];

const STATUSES: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Answers with a redirection. Of the request, its `Location` holds what the template says and no more: it names the
 * request's host only by `{host}`, and a path does not become a host because it begins with two slashes.
 *
 * @throws {RangeError} when the status is no redirection, or as {@linkcode template}
 */
export function redirect({ to, status = 308 }: RedirectOptions): Rule {
  if (!STATUSES.includes(status)) {
    throw new RangeError(`Cannot redirect with status ${status}: allowed are ${STATUSES.join(", ")}`);
  }
  const place = template(to, { allowed: REDIRECT_VARIABLES });
  const isPath = to.startsWith("/") && !to.startsWith("//") || to.startsWith("{path}");
  const namesHost = to.includes("{host}");
  return {
    requestFilter(session) {
      const host = session.request.headers.get("host") ?? "";
      if (namesHost && !isHost(host)) {
        throw new ProxyError("bad_request", `Cannot redirect to host ${JSON.stringify(host)}`);
      }
      const location = place(session).replace(/[^\x21-\x7e]/g, encodeURIComponent);
      const answer = refusal(session, status);
      answer.headers.set("location", isPath ? location.replace(/^[/\\]+/, "/") : location);
      return answer;
    },
  };
}
