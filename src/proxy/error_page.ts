/**
 * The answer after a failure: the same few words for everybody; what really happened is in the log.
 *
 * @module
 */
import { STATUS_TEXT } from "@std/http";
import type { ProxyError } from "../http/errors.ts";
import { HeaderList } from "../http/headers.ts";
import type { FrontResponse } from "../downstream/front.ts";

const encoder = new TextEncoder();

/** The answer to a failed request. */
export function errorPage(error: ProxyError, id: string, method: string): FrontResponse {
  // Nobody reads the answer after a 499, but it has to be one that can be sent.
  const status = error.status === 499 ? 400 : error.status;
  const headers = new HeaderList(pageFields(id));
  if (status === 405) headers.append("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (status === 503) headers.append("retry-after", "5");
  const body = method === "HEAD" ? null : encoder.encode(pageText(status, id));
  return { status, headers, body, onSent: undefined };
}

/** The fields of an answer in few words. */
export function pageFields(id: string): [string, string][] {
  return [
    ["content-type", "text/plain; charset=utf-8"],
    ["cache-control", "no-store"],
    ["x-request-id", id],
  ];
}

/** The few words. */
export function pageText(status: number, id: string): string {
  return `${status} ${STATUS_TEXT[status as keyof typeof STATUS_TEXT]}\nrequest id: ${id}\n`;
}
