/**
 * The part of `@std/http` that this project uses: the names of the status codes, and cookies, backed by `cookie`.
 *
 * @module
 */
import { parseCookie, stringifySetCookie } from "cookie";

/** A status code of the IANA registry that Postern answers or logs with. */
export type StatusCode = keyof typeof STATUS_TEXT;

/** The reason phrases of RFC 9110 section 15 and RFC 6585 for the statuses a proxy makes itself. */
export const STATUS_TEXT = {
  200: "OK",
  308: "Permanent Redirect",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
} as const;

/** A cookie for {@linkcode setCookie}. */
export interface Cookie {
  /** Its name. */
  name: string;
  /** Its value. */
  value: string;
  /** How long the client keeps it, in seconds. */
  maxAge?: number;
  /** Up to when the client keeps it. */
  expires?: Date;
  /** The hosts that get it. */
  domain?: string;
  /** The paths that get it. */
  path?: string;
  /** Whether it is sent by https alone. */
  secure?: boolean;
  /** Whether scripts cannot see it. */
  httpOnly?: boolean;
  /** Whether requests that come from other sites bring it. */
  sameSite?: "Strict" | "Lax" | "None";
}

/** The cookies of a request, values as they are. Of several of the same name, the first counts; with the original, the last. */
export function getCookies(headers: Headers): Record<string, string> {
  const text = headers.get("cookie");
  if (text === null) return {};
  return parseCookie(text, { decode: (value) => value }) as Record<string, string>;
}

/** Adds a `Set-Cookie` field to the headers of a response, the value as it is. */
export function setCookie(headers: Headers, cookie: Cookie): void {
  const { sameSite, ...others } = cookie;
  const lowered = sameSite?.toLowerCase() as Lowercase<NonNullable<typeof sameSite>> | undefined;
  const given = lowered === undefined ? others : { ...others, sameSite: lowered };
  headers.append("set-cookie", stringifySetCookie(given, { encode: (value) => value }));
}
