/**
 * What the fields of a message say of where its body ends, RFC 9112 section 6.3 without its leniency.
 *
 * @module
 */
import { type BodyLength, CHUNKED } from "./body_reading.ts";
import type { ProxyError } from "./errors.ts";

/**
 * The length of a body; undefined when the fields say nothing. A message whose end two readers could see differently is
 * refused.
 *
 * @param bad Makes the error.
 */
export function declaredLength(
  length: string | undefined,
  coding: string | undefined,
  isHttp11: boolean,
  bad: (what: string) => ProxyError,
): BodyLength | undefined {
  if (coding !== undefined) {
    if (length !== undefined) throw bad("it has both transfer-encoding and content-length");
    if (!isHttp11) throw bad("it has transfer-encoding in HTTP/1.0");
    if (coding.toLowerCase() !== "chunked") throw bad(`its transfer-encoding is ${JSON.stringify(coding)}`);
    return CHUNKED;
  }
  if (length === undefined) return undefined;
  if (!/^\d{1,15}$/.test(length)) throw bad(`its content-length is ${JSON.stringify(length)}`);
  return Number(length);
}
