/**
 * Cross-origin requests, as the Fetch standard has them (https://fetch.spec.whatwg.org/#http-cors-protocol).
 *
 * @module
 */
import type { Session } from "../proxy/hooks.ts";
import type { Rule } from "./rule.ts";

/** Settings of {@linkcode cors}. */
export interface CorsOptions {
  /** Who may ask: origins such as `https://example.com`, `null`, or `*` for all. */
  readonly origins: readonly string[];
  /** Methods that may be used. @default {["GET", "HEAD", "POST"]} */
  readonly methods?: readonly string[] | undefined;
  /** Header fields that may be sent. @default {[]} */
  readonly headers?: readonly string[] | undefined;
  /** Header fields that scripts may read. @default {[]} */
  readonly exposeHeaders?: readonly string[] | undefined;
  /** Whether cookies may be sent. @default {false} */
  readonly credentials?: boolean | undefined;
  /** How long a browser remembers the answer, in milliseconds. @default the browser's, 5 s */
  readonly maxAge?: number | undefined;
}

/** What is the rule's to say, in an answer of the upstream too. */
const FIELDS = ["origin", "credentials", "methods", "headers"].map((name) => `access-control-allow-${name}`)
  .concat("access-control-expose-headers", "access-control-max-age");

/**
 * Answers what browsers ask ahead of a request (204), and tells in all other answers who may read them. Fields of this
 * kind that the upstream or a hook set are replaced. A request of an origin that is not listed is not refused: the
 * browser does that, and a server that is to refuse it has to look at who asks.
 *
 * @throws {RangeError} when an origin is none, or when `*` is used with `credentials`, which browsers refuse
 */
export function cors(options: CorsOptions): Rule {
  const { methods = ["GET", "HEAD", "POST"], headers = [], exposeHeaders = [], credentials = false } =
    options;
  const origins = new Set(options.origins.map(originOf));
  for (const [name, list] of Object.entries({ origins: options.origins, methods, headers, exposeHeaders })) {
    if (credentials && list.includes("*")) {
      throw new RangeError(`Cannot use ${name} "*" with credentials: browsers want them listed one by one`);
    }
  }
  const isOpen = origins.has("*");

  const answer = ({ request }: Session, fields: Headers): boolean => {
    for (const name of FIELDS) fields.delete(name);
    if (isOpen) {
      fields.set("access-control-allow-origin", "*");
      return true;
    }
    addVary(fields);
    const origin = request.headers.get("origin");
    if (origin === null || !origins.has(origin)) return false;
    fields.set("access-control-allow-origin", origin);
    if (credentials) fields.set("access-control-allow-credentials", "true");
    return true;
  };
  const expose = (session: Session, fields: Headers) => {
    if (answer(session, fields) && exposeHeaders.length > 0) {
      fields.set("access-control-expose-headers", exposeHeaders.join(", "));
    }
  };
  return {
    requestFilter(session) {
      const { method, headers: given } = session.request;
      if (method !== "OPTIONS" || !given.has("origin") || !given.has("access-control-request-method")) return;
      const fields = new Headers();
      if (answer(session, fields)) {
        fields.set("access-control-allow-methods", methods.join(", "));
        if (headers.length > 0) fields.set("access-control-allow-headers", headers.join(", "));
        if (options.maxAge !== undefined) {
          fields.set("access-control-max-age", `${Math.floor(options.maxAge / 1_000)}`);
        }
      }
      return new Response(null, { status: 204, headers: fields });
    },
    responseFilter: (session, { headers }) => expose(session, headers),
    answerFilter: expose,
  };
}

/** The form that browsers send. */
function originOf(text: string): string {
  if (text === "*" || text === "null") return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:\/\/[^/?#@\\]+$/.test(text)) return url.origin;
  throw new RangeError(
    `Cannot use origin ${JSON.stringify(text)}: expected "*", "null" or one such as "https://example.com"`,
  );
}

/** Tells caches that the answer depends on who asks. */
function addVary(fields: Headers): void {
  const names = (fields.get("vary") ?? "").toLowerCase().split(",").map((name) => name.trim());
  if (!names.includes("origin") && !names.includes("*")) fields.append("vary", "Origin");
}
