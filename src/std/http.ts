/**
 * The part of `@std/http` that this project uses: the names of the status codes.
 *
 * @module
 */

/** A status code of the IANA registry that Postern answers or logs with. */
export type StatusCode = keyof typeof STATUS_TEXT;

/** The reason phrases of RFC 9110 section 15 and RFC 6585 for the statuses a proxy makes itself. */
export const STATUS_TEXT = {
  200: "OK",
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
