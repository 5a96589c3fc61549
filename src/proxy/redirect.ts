/**
 * Sending those who come by plain HTTP to the same by TLS.
 *
 * @module
 */
import type { FrontHandler } from "../downstream/front.ts";
import { HeaderList } from "../http/headers.ts";
import { errorPage } from "./error_page.ts";
import { requestId } from "./request_id.ts";

/**
 * A handler that answers every request with a 308, which keeps method and body: to the name in its Host, which the front
 * has looked at, and to nowhere else.
 *
 * @param port Where TLS is; undefined for its own, 443.
 */
export function redirectTo(port: number | undefined): FrontHandler {
  const suffix = port === undefined || port === 443 ? "" : `:${port}`;
  return ({ method, host, target, refused, givenId }) => {
    if (refused !== undefined) return Promise.resolve(errorPage(refused, requestId(givenId), method));
    // OPTIONS * is for the server as a whole, as is a URL without path: RFC 9112 section 3.2.4.
    const path = target === "*" ? "" : target;
    const location = `https://${host.replace(/:\d+$/, "")}${suffix}${path}`;
    const headers = new HeaderList([["location", location], ["content-length", "0"]]);
    return Promise.resolve({ status: 308, headers, body: null, onSent: undefined });
  };
}
