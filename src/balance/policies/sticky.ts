/**
 * Sticky sessions: a client comes back to the backend that answered it first.
 *
 * @module
 */
import { getCookies, setCookie } from "@std/http";
import { createHmac } from "node:crypto";
import type { Backend } from "../backend.ts";

/** Settings of {@linkcode StickySessions}. */
export interface StickySessionsOptions {
  /**
   * What cookies are signed with, 16 characters at least; the same in all proxies of a site. Of several, the first signs
   * and all are accepted, so that it can be changed.
   */
  secret: string | readonly string[];
  /** The name of the cookie. @default {"postern"} */
  cookie?: string;
  /** How long the client keeps it, in seconds. @default {until the browser is closed} */
  maxAge?: number;
  /** For which paths the client sends it. @default {"/"} */
  path?: string;
  /** Whether the client sends it by https alone. @default {false} */
  secure?: boolean;
  /** Whether requests that come from other sites bring it. `"None"` needs `secure`. @default {"Lax"} */
  sameSite?: "Strict" | "Lax" | "None";
}

const DEFAULTS = { cookie: "postern", path: "/", secure: false, sameSite: "Lax" } as const;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Characters of base64url: 96 bits for the name of a backend, 256 for the signature. */
const LENGTHS = { id: 16, signature: 43 };

/** A backend that a cookie can name. */
interface Known {
  key: string;
  signature: string;
}

/**
 * Has clients come back to their backend by a signed cookie, over any policy: the group tries the backend that
 * {@linkcode StickySessions.keyOf} names, and asks its policy only when that one cannot be used.
 *
 * The cookie is `ID.SIGNATURE`, both HMAC-SHA-256 by the secret: it tells nothing of the backend's address, and without
 * the secret none can be made. It is HttpOnly. A backend has to be known, by {@linkcode StickySessions.update} or by a
 * cookie that was made for it, before a cookie can name it.
 *
 * Cost: per request, reading the cookies, one look-up and one comparison in constant time; signatures are made once a
 * backend. Comes from nginx's `sticky cookie`, HAProxy's `cookie ... insert` and Caddy's `cookie` policy.
 *
 * @example
 * ```ts
 * import { StickySessions } from "./sticky.ts";
 * const sticky = new StickySessions({ secret: "not this one, please", maxAge: 3600 });
 * ```
 */
export class StickySessions {
  readonly #options: typeof DEFAULTS | Required<Omit<StickySessionsOptions, "secret" | "maxAge">>;
  readonly #maxAge: number | undefined;
  readonly #secrets: readonly string[];
  readonly #byId = new Map<string, Known>();
  readonly #cookies = new Map<string, string>();

  /**
   * No backend is known yet.
   *
   * @throws {RangeError} when an option cannot be used
   */
  constructor({ secret, maxAge, ...options }: StickySessionsOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#maxAge = maxAge;
    this.#secrets = typeof secret === "string" ? [secret] : secret;
    const { cookie, path, sameSite, secure } = this.#options;
    if (this.#secrets.length === 0 || this.#secrets.some((text) => text.length < 16)) {
      refuse("secret", "16 characters or more", "fewer");
    }
    if (!TOKEN.test(cookie)) refuse("cookie", "a token", JSON.stringify(cookie));
    if (!/^\/[\x20-\x3a\x3c-\x7e]*$/.test(path)) refuse("path", "a path", JSON.stringify(path));
    if (sameSite === "None" && !secure) refuse("sameSite", `"secure" with "None"`, `"None" alone`);
    if (maxAge !== undefined && !(Number.isSafeInteger(maxAge) && maxAge > 0)) {
      refuse("maxAge", "a whole number of seconds > 0", `${maxAge}`);
    }
  }

  /** Tells of the members of the group, so that cookies made before a restart, or by another proxy, are understood. */
  update(backends: readonly Pick<Backend, "key">[]): void {
    const keys = new Set(backends.map(({ key }) => key));
    for (const [id, { key }] of this.#byId) if (!keys.has(key)) this.#byId.delete(id);
    for (const key of this.#cookies.keys()) if (!keys.has(key)) this.#cookies.delete(key);
    for (const key of keys) this.#learn(key);
  }

  /** The key of the backend that a valid cookie names; undefined without one, and when it is forged or outdated. */
  keyOf(headers: Headers): string | undefined {
    if (!headers.has("cookie")) return undefined;
    const value = getCookies(headers)[this.#options.cookie];
    if (value?.length !== LENGTHS.id + 1 + LENGTHS.signature || value[LENGTHS.id] !== ".") return undefined;
    const known = this.#byId.get(value.slice(0, LENGTHS.id));
    if (known === undefined) return undefined;
    return isSame(value.slice(LENGTHS.id + 1), known.signature) ? known.key : undefined;
  }

  /** The value of a `Set-Cookie` header that has the client come back to this backend. */
  cookieFor({ key }: Pick<Backend, "key">): string {
    return this.#learn(key);
  }

  #learn(key: string): string {
    const before = this.#cookies.get(key);
    if (before !== undefined) return before;
    const values = this.#secrets.map((secret) => {
      const id = hmac(secret, `backend\0${key}`).slice(0, LENGTHS.id);
      const signature = hmac(secret, `cookie\0${id}`);
      this.#byId.set(id, { key, signature });
      return `${id}.${signature}`;
    });
    const { cookie, ...attributes } = this.#options;
    const headers = new Headers();
    setCookie(headers, {
      name: cookie,
      value: values[0]!,
      httpOnly: true,
      ...attributes,
      ...(this.#maxAge === undefined ? {} : { maxAge: this.#maxAge }),
    });
    const text = headers.get("set-cookie")!;
    this.#cookies.set(key, text);
    return text;
  }
}

function hmac(secret: string, text: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

/** Whether two texts of the same length are equal; takes as long wherever they differ. */
function isSame(a: string, b: string): boolean {
  let difference = 0;
  for (let i = 0; i < b.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

function refuse(name: keyof StickySessionsOptions, expected: string, found: string): never {
  throw new RangeError(`Cannot use "${name}" of StickySessions: expected ${expected}, found ${found}`);
}
