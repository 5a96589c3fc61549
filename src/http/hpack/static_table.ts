/**
 * The fields that HPACK knows beforehand, RFC 7541 appendix A.
 *
 * @module
 */

const WITH_VALUES = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  ...["200", "204", "206", "304", "400", "404", "500"].map((status) => [":status", status]),
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
];
const NAMES_ALONE = (
  "accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control " +
  "content-disposition content-encoding content-language content-length content-location content-range " +
  "content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range " +
  "if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range " +
  "referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via " +
  "www-authenticate"
).split(" ");

/** Names and values; the first is number 1. */
export const STATIC_FIELDS: readonly (readonly [name: string, value: string])[] = [
  ...WITH_VALUES as [string, string][],
  ...NAMES_ALONE.map((name) => [name, ""] as const),
];

/** The number of the first field of each name. */
export const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_FIELDS.map(([name], i) => [name, i + 1] as const).reverse(),
);
