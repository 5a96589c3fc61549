/**
 * Asking for a signed token, RFC 7519 and RFC 6750.
 *
 * @module
 */
import type { JWK, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from "jose";
import { cookie as cookieOf } from "../balance/policies/keys.ts";
import { messageOf, ProxyError } from "../http/errors.ts";
import type { Session } from "../proxy/hooks.ts";
import { ownFields } from "./own_fields.ts";
import { refusal } from "./refusal.ts";
import type { Rule } from "./rule.ts";
import { type Claims, claimsOf, setClaims } from "./token_claims.ts";

/** Settings of {@linkcode jwt}. */
export interface JwtOptions {
  /** A file with the key: a public key as PEM or JWK, or a secret for HS256 and its like. */
  readonly key?: string | undefined;
  /** Where the set of keys is: a URL or a file. */
  readonly jwks?: string | undefined;
  /** Who has to have issued the token. */
  readonly issuer?: string | readonly string[] | undefined;
  /** Whom it has to be for. */
  readonly audience?: string | readonly string[] | undefined;
  /** How it may be signed. @default RS256 and its like; HS256 and its like with a secret */
  readonly algorithms?: readonly string[] | undefined;
  /** The field that brings it, without `Bearer` when it is not `Authorization`. @default {"authorization"} */
  readonly header?: string | undefined;
  /** The cookie that brings it, instead of a field. */
  readonly cookie?: string | undefined;
  /** Claims that have to have these values, or hold them where they are lists. */
  readonly claims?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Claims that the upstream gets, each with its header field; those fields are taken out of what clients send. */
  readonly forward?: Readonly<Record<string, string>> | undefined;
}

const SECRET = ["HS256", "HS384", "HS512"];
const PUBLIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
/** Clocks may differ by so much, in seconds. */
const TOLERANCE = 30;
/** Longer tokens are refused, in characters. */
const LONGEST = 8 * 1024;
/** Tokens that were found good are not verified again until they expire, so many of them, for so long, in milliseconds. */
const MOST_KNOWN = 1_000;
const KNOWN_FOR = 60_000;

interface Known {
  readonly claims: Claims;
  readonly until: number;
}

/**
 * Lets requests with a good token through; others get 401, those without the claims asked for 403.
 *
 * A public key verifies no token that is signed with a secret, whatever the token says, and none that is not signed.
 *
 * @throws when a file cannot be read, or has no key
 */
export async function jwt(options: JwtOptions): Promise<Rule> {
  // Only who asks for tokens waits for this.
  const jose = await import("jose");
  const { getKey, isSecret } = await keyOf(options, jose);
  const allowed = isSecret ? SECRET : PUBLIC;
  const algorithms = options.algorithms === undefined ? allowed : [...options.algorithms];
  const stray = algorithms.find((name) => !allowed.includes(name));
  if (stray !== undefined) {
    throw new RangeError(
      `Cannot verify ${stray} with ${isSecret ? "a secret" : "public keys"}: allowed are ${
        allowed.join(", ")
      }`,
    );
  }
  const { issuer, audience, claims: wanted = {}, forward = {} } = options;
  const rules: JWTVerifyOptions = {
    algorithms,
    clockTolerance: TOLERANCE,
    ...(issuer === undefined ? {} : { issuer: issuer as string | string[] }),
    ...(audience === undefined ? {} : { audience: audience as string | string[] }),
  };
  const isRemote = isUrl(options.jwks);
  const known = new Map<string, Known>();
  const forwarded = Object.entries(forward);
  const removeCopies = ownFields(forwarded.map(([, name]) => name));

  const verify = async (token: string): Promise<Claims> => {
    const before = known.get(token);
    const now = Date.now();
    if (before !== undefined && now < before.until) return before.claims;
    known.delete(token);
    const { payload } = await jose.jwtVerify(token, getKey, rules);
    if (known.size >= MOST_KNOWN) known.delete(known.keys().next().value!);
    known.set(token, { claims: payload, until: Math.min(now + KNOWN_FOR, expiryOf(payload)) });
    return payload;
  };

  return {
    async requestFilter(session) {
      removeCopies(session.request.headers);
      const token = tokenOf(session, options);
      if (token === undefined) return unauthorized(session, 401);
      let claims: Claims;
      try {
        if (token.length > LONGEST) throw new Error("too long");
        claims = await verify(token);
      } catch (error) {
        if (isRemote && isNoAnswer(error)) {
          throw new ProxyError("hook_unavailable", `The keys of tokens cannot be had: ${messageOf(error)}`, {
            cause: error,
          });
        }
        return unauthorized(session, 401, "invalid_token");
      }
      if (!Object.entries(wanted).every(([name, value]) => holds(claims[name], value))) {
        return unauthorized(session, 403, "insufficient_scope");
      }
      setClaims(session, claims);
      return undefined;
    },
    ...(forwarded.length === 0 ? {} : {
      upstreamRequestFilter(session, { headers }) {
        removeCopies(headers);
        const claims = claimsOf(session) ?? {};
        for (const [claim, name] of forwarded) {
          const value = claims[claim];
          if (value !== undefined && value !== null) headers.set(name, safe(value));
        }
      },
    }),
  };
}

function isUrl(place: string | undefined): place is string {
  return /^https?:/.test(place ?? "");
}

/** Whether it is the server of the keys that failed, and no fault of the token's. */
function isNoAnswer(error: unknown): boolean {
  const { code } = error as { code?: string };
  return error instanceof TypeError ||
    ["ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID", "ERR_JOSE_GENERIC"].includes(code ?? "");
}

/** What a claim looks like in a header field: no control characters, what is beyond ASCII escaped. */
function safe(value: unknown): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  // deno-lint-ignore no-control-regex
  return text.toWellFormed().replaceAll(/[\x00-\x1f\x7f]/g, " ").replaceAll(
    /[^\x20-\x7e]+/g,
    encodeURIComponent,
  );
}

function holds(claim: unknown, value: string | number | boolean): boolean {
  return Array.isArray(claim) ? claim.includes(value) : claim === value;
}

function tokenOf(session: Session, { header, cookie }: JwtOptions): string | undefined {
  if (cookie !== undefined) return cookieOf(cookie)(session);
  const { headers } = session.request;
  if (header !== undefined && header.toLowerCase() !== "authorization") {
    return headers.get(header) ?? undefined;
  }
  return /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

function unauthorized(session: Session, status: number, error?: string): Response {
  const answer = refusal(session, status);
  answer.headers.set("www-authenticate", error === undefined ? "Bearer" : `Bearer error="${error}"`);
  return answer;
}

function expiryOf({ exp }: JWTPayload): number {
  return exp === undefined ? Infinity : (exp + TOLERANCE) * 1_000;
}

async function keyOf(
  { key, jwks }: JwtOptions,
  jose: typeof import("jose"),
): Promise<{ getKey: JWTVerifyGetKey; isSecret: boolean }> {
  if (jwks !== undefined) {
    if (isUrl(jwks)) {
      return { getKey: jose.createRemoteJWKSet(new URL(jwks), { timeoutDuration: 5_000 }), isSecret: false };
    }
    const keys = JSON.parse(await Deno.readTextFile(jwks));
    return { getKey: jose.createLocalJWKSet(keys), isSecret: false };
  }
  if (key === undefined) {
    throw new RangeError('Cannot verify tokens: expected "key" or "jwks", found neither');
  }
  const text = (await Deno.readTextFile(key)).trim();
  const isPem = text.startsWith("-----BEGIN");
  const jwk = text.startsWith("{") ? JSON.parse(text) as JWK : undefined;
  if (!isPem && jwk === undefined) {
    const secret = new TextEncoder().encode(text);
    if (secret.length < 32) throw new RangeError(`the secret in ${key} has fewer than 32 characters`);
    return { getKey: () => Promise.resolve(secret), isSecret: true };
  }
  if (isPem && !text.startsWith("-----BEGIN PUBLIC KEY") && !text.startsWith("-----BEGIN CERTIFICATE")) {
    throw new RangeError(`${key} has no public key, which would begin with -----BEGIN PUBLIC KEY-----`);
  }
  return {
    isSecret: jwk?.kty === "oct",
    // How a PEM key is imported depends on the algorithm, of which the allowed ones are checked before.
    getKey: ({ alg }) =>
      jwk !== undefined
        ? jose.importJWK(jwk, alg)
        : text.startsWith("-----BEGIN PUBLIC KEY")
        ? jose.importSPKI(text, alg)
        : jose.importX509(text, alg),
  };
}
