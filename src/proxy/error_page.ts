/**
 * The answer after a failure: the same few words for everybody; what really happened is in the log.
 *
 * @module
 */
import { STATUS_TEXT } from "@std/http";
import type { ProxyError } from "../http/errors.ts";
import { HeaderList } from "../http/headers.ts";

const encoder = new TextEncoder();

/** Head and body of the answer to a failed request. */
export function errorPage(
  error: ProxyError,
  id: string,
): { status: number; headers: HeaderList; body: Uint8Array } {
  const status = error.status === 499 ? 400 : error.status;
  const headers = new HeaderList();
  headers.lines.push("content-type", "text/plain; charset=utf-8");
  headers.lines.push("cache-control", "no-store");
  headers.lines.push("x-request-id", id);
  if (status === 405) headers.lines.push("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (status === 503) headers.lines.push("retry-after", "5");
  const text = `${status} ${STATUS_TEXT[status as keyof typeof STATUS_TEXT]}\nrequest id: ${id}\n`;
  return { status, headers, body: encoder.encode(text) };
}
