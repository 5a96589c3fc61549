/**
 * Limiting how many requests come through.
 *
 * @module
 */
import { createHash } from "node:crypto";
import ipaddr from "ipaddr.js";
import { cookie, type HashKey, header } from "../balance/policies/keys.ts";
import { isPromise } from "../proxy/hook_result.ts";
import type { Session } from "../proxy/hooks.ts";
import type { LimitStore, Verdict } from "./limits.ts";
import { type ClientOf, directClient } from "./real_client.ts";
import { refusal } from "./refusal.ts";
import type { Rule } from "./rule.ts";

/** Settings of {@linkcode rateLimit}. */
export interface RateLimitOptions {
  /**
   * Whose requests are counted together: `client` (of IPv6, a network of 64 bits), `host`, `route`, `header:NAME` or
   * `cookie:NAME`; requests without that field or cookie are counted by client. @default {"client"}
   */
  readonly key?: string | undefined;
  /** How many a second. */
  readonly rate: number;
  /** How many at once. @default a second's worth, 1 at least */
  readonly burst?: number | undefined;
}

/** Where a limit counts. */
export interface RateLimitPlace {
  /** Tells its buckets from those of others in the same store. */
  readonly route: string;
  /** Keeps the buckets. */
  readonly store: LimitStore;
  /** Tells the address of the client. @default the connection's */
  readonly clientOf?: ClientOf;
}

/**
 * Answers 429 to requests beyond a rate, with `Retry-After` in seconds. All answers tell in `RateLimit` what is left,
 * those with 429 also what the limit is, in `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10): the bucket's
 * size as quota, the time that it takes to fill as window.
 *
 * @throws {RangeError} when the key is none of those above
 */
export function rateLimit(
  options: RateLimitOptions,
  { route, store, clientOf = directClient }: RateLimitPlace,
): Rule<RateContext> {
  const { key = "client", rate } = options;
  const { burst = Math.max(1, Math.floor(rate)) } = options;
  const keyOf = keyMaker(key, clientOf);
  const policy = `"${key}";q=${burst};w=${Math.ceil(burst / rate)}`;
  const field = ({ remaining }: Verdict) =>
    `"${key}";r=${remaining};t=${Math.ceil((burst - remaining) / rate)}`;

  const judge = (session: Session, context: RateContext, verdict: Verdict): Response | void => {
    context.field = field(verdict);
    if (verdict.allowed) return;
    const answer = refusal(session, 429);
    answer.headers.set("retry-after", `${Math.max(1, Math.ceil(verdict.retryAfter))}`);
    answer.headers.set("ratelimit", context.field);
    answer.headers.set("ratelimit-policy", policy);
    return answer;
  };
  // A failure may come before there is a context.
  const tell = (headers: Headers, context: RateContext | undefined) => {
    if (context !== undefined && context.field !== "") headers.append("ratelimit", context.field);
  };
  return {
    newContext: () => ({ field: "" }),
    requestFilter(session, context) {
      const verdict = store.take(`${route} ${bounded(keyOf(session)!)}`, rate, burst);
      if (!isPromise(verdict)) return judge(session, context, verdict);
      return verdict.then((verdict) => judge(session, context, verdict));
    },
    responseFilter: (_session, response, context) => tell(response.headers, context),
    answerFilter: (_session, headers, context) => tell(headers, context),
  };
}

/** What is known of a request's limit. */
export interface RateContext {
  /** The value of `RateLimit`; empty before it is known. */
  field: string;
}

/** Longer keys are hashed: a client is not to fill the memory with them. */
const LONGEST_KEY = 100;

function bounded(key: string): string {
  return key.length <= LONGEST_KEY ? key : createHash("sha256").update(key).digest("base64");
}

function keyMaker(key: string, clientOf: ClientOf): HashKey<Session> {
  const [, kind, name] = /^(header|cookie):(.+)$/.exec(key) ?? [];
  if (name !== undefined) {
    const value = kind === "header" ? header(name) : cookie(name);
    return (session) => {
      const found = value(session);
      return found === undefined ? `client ${network(clientOf(session))}` : `value ${found}`;
    };
  }
  if (key === "client") return (session) => network(clientOf(session));
  if (key === "route") return () => "";
  if (key === "host") return ({ request }) => (request.headers.get("host") ?? "").toLowerCase();
  throw new RangeError(
    `Cannot limit by key ${JSON.stringify(key)}: expected client, host, route, header:NAME or cookie:NAME`,
  );
}

/** An IPv4 address by itself, an IPv6 address by the 64 bits that a site has to itself. */
function network(address: string): string {
  if (!address.includes(":") || !ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return `${(parsed as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16)).join(":")}::/64`;
}
